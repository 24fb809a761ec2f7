#include "imap/sort.hpp"

#include <algorithm>

#include "imap/search.hpp"

namespace mbx::imap {

namespace {

// RFC 5256 section 2.2.
std::int64_t sent_date(const store::MessageRow& row, const store::Brief& brief)
{
    return brief.sent ? *brief.sent : row.internal_date;
}

std::string_view text_of(SortKey key, const store::Brief& brief)
{
    switch (key) {
    case SortKey::cc: return brief.cc;
    case SortKey::from: return brief.from;
    case SortKey::to: return brief.to;
    case SortKey::subject: return brief.base_subject;
    case SortKey::display_from: return brief.display_from;
    case SortKey::display_to: return brief.display_to;
    case SortKey::arrival:
    case SortKey::date:
    case SortKey::size:
    case SortKey::relevancy: break;
    }
    return {};
}

void add_criterion(std::string& key, const SortCriterion& criterion, const store::MessageRow& row,
                   const store::Brief& brief, unsigned score)
{
    switch (criterion.key) {
    case SortKey::arrival: mail::add_sort_number(key, row.internal_date, criterion.reverse); return;
    case SortKey::date: mail::add_sort_number(key, sent_date(row, brief), criterion.reverse); return;
    case SortKey::size:
        mail::add_sort_number(key, static_cast<std::int64_t>(std::min<std::uint64_t>(row.size, INT64_MAX)), criterion.reverse);
        return;
    // The most relevant first (RFC 6203 section 6).
    case SortKey::relevancy: mail::add_sort_number(key, score, !criterion.reverse); return;
    case SortKey::cc:
    case SortKey::from:
    case SortKey::to:
    case SortKey::subject:
    case SortKey::display_from:
    case SortKey::display_to:
        mail::add_sort_text(key, mail::sort_text(text_of(criterion.key, brief)), criterion.reverse);
        return;
    }
}

}  // namespace

std::string sort_key(const std::vector<SortCriterion>& criteria, const store::MessageRow& row, const store::Brief& brief,
                     unsigned score)
{
    std::string key;
    for (const auto& criterion : criteria) add_criterion(key, criterion, row, brief, score);
    return key;
}

void ContextHarvest::take(const store::MessageRow& row, const store::Brief& brief, unsigned score)
{
    found_.push_back({sort_key(criteria_, row, brief, score), row.uid});
}

std::vector<KeyedUid> ContextHarvest::take_found(const NumberSet& uids)
{
    std::erase_if(found_, [&uids](const KeyedUid& one) { return !contains(uids, one.uid); });
    return std::move(found_);
}

// ARRIVAL and SIZE stand in the hot rows.
bool SortHarvest::needs_briefs() const
{
    return !std::ranges::all_of(criteria_, [](const SortCriterion& one) {
        return one.key == SortKey::arrival || one.key == SortKey::size || one.key == SortKey::relevancy;
    });
}

void SortHarvest::take(const store::MessageRow& row, const store::Brief& brief, unsigned score)
{
    key_.clear();
    for (const auto& criterion : criteria_) add_criterion(key_, criterion, row, brief, score);
    table_.add(row.uid, key_);
}

std::vector<store::Uid> SortHarvest::finish()
{
    table_.sort();
    std::vector<store::Uid> uids(table_.size());
    for (std::size_t i = 0; i < uids.size(); ++i) uids[i] = table_.number(i);
    return uids;
}

std::vector<store::Uid> SortHarvest::finish(const NumberSet& found)
{
    auto uids = finish();
    std::erase_if(uids, [&found](store::Uid uid) { return !contains(found, uid); });
    return uids;
}

void ThreadHarvest::take(const store::MessageRow& row, const store::Brief& brief, unsigned)
{
    const auto subject = mail::sort_text(brief.base_subject);
    Member member;
    member.subject = subjects_.size();
    member.subject_size = subject.size();
    subjects_ += subject;
    member.sent = sent_date(row, brief);
    member.is_reply = brief.is_reply;
    if (algorithm_ == ThreadAlgorithm::references) {
        member.id = brief.message_id;
        member.first_reference = references_.size();
        member.references = store::brief_reference_count(brief);
        for (std::size_t i = 0; i < member.references; ++i) references_.push_back(store::brief_reference(brief, i));
    }
    members_.push_back(member);
    uids_.push_back(row.uid);
}

std::size_t ThreadHarvest::bytes() const
{
    std::size_t all = uids_.capacity() * sizeof(store::Uid) + members_.capacity() * sizeof(Member) +
                      references_.capacity() * sizeof(std::uint64_t) + subjects_.capacity();
    if (last_) all += last_->indexes.capacity() * sizeof(std::uint32_t) + last_->forest.nodes.capacity() * sizeof(mail::ThreadForest::Node);
    return all;
}

std::string ThreadHarvest::finish(const NumberSet& found, const std::vector<std::uint32_t>& numbers)
{
    const auto is_same = [](const store::UidRange& a, const store::UidRange& b) { return a.first == b.first && a.last == b.last; };
    const bool is_known = last_ && last_->members == members_.size() && std::ranges::equal(last_->found, found, is_same);
    if (!is_known) last_ = link(found);
    std::vector<std::uint32_t> told;
    told.reserve(last_->indexes.size());
    for (const auto index : last_->indexes) told.push_back(numbers[index]);
    return mail::thread_text(last_->forest, told);
}

ThreadHarvest::Last ThreadHarvest::link(const NumberSet& found) const
{
    Last made;
    made.found = found;
    made.members = members_.size();
    std::vector<mail::ThreadMessage> messages;
    messages.reserve(members_.size());
    const std::string_view subjects(subjects_);
    const std::span<const std::uint64_t> references(references_);
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
        if (!contains(found, uids_[i])) continue;
        const auto& member = members_[i];
        made.indexes.push_back(i);
        messages.push_back({member.id, references.subspan(member.first_reference, member.references),
                            subjects.substr(member.subject, member.subject_size), member.is_reply, member.sent});
    }
    made.forest = algorithm_ == ThreadAlgorithm::references ? mail::thread_by_references(messages)
                                                            : mail::thread_by_subject(messages);
    return made;
}

}  // namespace mbx::imap
