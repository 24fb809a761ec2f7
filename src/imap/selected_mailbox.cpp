#include "imap/selected_mailbox.hpp"

#include <algorithm>

#include "imap/response.hpp"

namespace mbx::imap {

SelectedMailbox::SelectedMailbox(store::MailboxInfo info, bool read_only, store::MailboxFeed& feed,
                                 std::function<void()> on_news)
    : info_(std::move(info)), read_only_(read_only), seat_(feed, std::move(on_news)), shown_(feed.uids()),
      current_(feed.uids()), keywords_(feed.keywords()), taken_(feed.status().highest_modseq), told_until_(taken_)
{
}

void SelectedMailbox::mark_told(const std::vector<store::MessageRow>& rows)
{
    for (const auto& row : rows) told_.emplace_back(row.uid, row.modseq);
    std::ranges::sort(told_);
}

void SelectedMailbox::mark_shown(const std::vector<store::MessageRow>& rows)
{
    for (const auto& row : rows) latest_.emplace_back(row.uid, row.modseq);
    std::ranges::sort(latest_);
}

bool SelectedMailbox::is_told(const store::MessageRow& row) const
{
    if (std::ranges::binary_search(told_, std::pair(row.uid, row.modseq))) return true;
    const auto shown = std::ranges::lower_bound(latest_, std::pair(row.uid, row.modseq));
    return shown != latest_.end() && shown->first == row.uid;
}

void SelectedMailbox::take_keywords(const std::vector<std::string>& keywords)
{
    // The table only grows: a shorter one is an older one.
    if (keywords.size() < keywords_->size() || keywords == *keywords_) return;
    keywords_ = std::make_shared<const std::vector<std::string>>(keywords);
    flags_grew_ = true;
}

void SelectedMailbox::take()
{
    auto news = seat_.take();
    if (news.keywords->size() >= keywords_->size()) {
        flags_grew_ = flags_grew_ || *news.keywords != *keywords_;
        keywords_ = std::move(news.keywords);  // the one that all share
    }
    const auto& difference = seat_.feed().difference(shown_);
    // UIDs only ascend (RFC 9051 section 2.3.1.1).
    const NumberSet arrived = behind(difference.appended, shown_.last());
    exists_ = exists_ || !arrived.empty();
    has_expunged_ = !difference.expunged.empty();
    const bool is_same = !has_expunged_ && count(arrived) == count(difference.appended);
    shown_ = is_same ? news.uids : shown_.with(arrived);
    current_ = std::move(news.uids);
    if (news.is_behind) behind_since_ = behind_since_ ? std::min(*behind_since_, news.since) : news.since;
    for (auto& rows : news.changed) changed_.push_back(std::move(rows));
    taken_ = std::max(taken_, seat_.feed().status().highest_modseq);
    note_told();
}

void SelectedMailbox::note_told()
{
    if (!has_expunged_ && changed_.empty() && !behind_since_ && !has_dropped_) told_until_ = taken_;
}

void SelectedMailbox::caught_up()
{
    behind_since_.reset();
    note_told();
}

void SelectedMailbox::drop_changed()
{
    for (const auto& rows : changed_) {
        has_dropped_ = has_dropped_ || std::ranges::any_of(*rows, [this](const store::MessageRow& row) {
            return !is_told(row);
        });
    }
    has_dropped_ = has_dropped_ || behind_since_;
    behind_since_.reset();
    finish_changed();
}

void SelectedMailbox::add_changed(std::vector<store::MessageRow> rows)
{
    if (!rows.empty()) changed_.push_back(std::make_shared<const std::vector<store::MessageRow>>(std::move(rows)));
}

bool SelectedMailbox::has_news(bool may_expunge) const
{
    return flags_grew_ || exists_ || !changed_.empty() || (may_expunge && has_expunged_);
}

bool SelectedMailbox::announce(std::string& out, bool may_expunge, std::size_t most, NewsWords words)
{
    if (may_expunge && has_expunged_) announce_expunged(out, most, words.vanished);
    if (may_expunge && has_expunged_) return false;
    if (flags_grew_) announce_keywords(out);
    const bool told_exists = exists_;
    if (exists_) out += "* " + std::to_string(shown_.size()) + " EXISTS\r\n";
    exists_ = false;
    if (words.flags) announce_flags(out, most, words.modseq);
    else drop_changed();
    note_told();
    return told_exists;
}

void SelectedMailbox::announce_expunged(std::string& out, std::size_t most, bool vanished)
{
    const bool is_present = current_.is(seat_.feed().uids());
    const NumberSet gone = is_present ? seat_.feed().difference(shown_).expunged
                                      : store::UidTable::difference(shown_, current_).expunged;
    if (vanished) {
        // Only UIDs of messages that the client counts (RFC 7162 section 3.2.10.2): all of `gone` are in shown_.
        const bool is_more = gone.size() > kMaxVanishedRanges;
        const NumberSet told(gone.begin(), is_more ? gone.begin() + static_cast<std::ptrdiff_t>(kMaxVanishedRanges) : gone.end());
        if (!told.empty()) out += "* VANISHED " + to_text(told) + "\r\n";
        forget_expunged(told, is_more);
        return;
    }
    // From the highest number down, so that each number is the one it had before the command.
    const NumberSet sequences = shown_.sequences_of(gone);
    std::uint32_t lowest = 0;
    for (auto range = sequences.rbegin(); range != sequences.rend() && out.size() < most; ++range) {
        for (auto number = range->last; number >= range->first && out.size() < most; --number) {
            out += "* " + std::to_string(number) + " EXPUNGE\r\n";
            lowest = number;
        }
    }
    if (lowest == 0) return;
    forget_expunged(intersection(gone, {{shown_.uid(lowest), UINT32_MAX}}), lowest != sequences.front().first);
}

void SelectedMailbox::forget_expunged(const NumberSet& told, bool is_more)
{
    has_expunged_ = is_more;
    const bool is_same = !has_expunged_ && shown_.size() - count(told) == current_.size();
    shown_ = is_same ? current_ : shown_.without(told);
    saved_ = shown_.among(saved_);
}

void SelectedMailbox::announce_keywords(std::string& out)
{
    const bool may_grow = keywords_->size() < kMaxMailboxKeywords;
    out += "* FLAGS " + defined_flags_text(*keywords_, false) + "\r\n";
    if (!read_only_) {
        out += "* OK [PERMANENTFLAGS " + defined_flags_text(*keywords_, may_grow) + "] keywords were added\r\n";
    }
    flags_grew_ = false;
}

void SelectedMailbox::announce_flags(std::string& out, std::size_t most, bool with_modseq)
{
    while (batch_ < changed_.size() && out.size() < most) {
        const auto& rows = *changed_[batch_];
        for (; row_ < rows.size() && out.size() < most; ++row_) {
            const auto& row = rows[row_];
            const auto number = shown_.sequence(row.uid);
            if (!number || is_told(row)) continue;
            out += "* " + std::to_string(*number) + " FETCH (UID " + std::to_string(row.uid) + " FLAGS " +
                   flags_text(row.flags, *keywords_);
            if (with_modseq) out += " MODSEQ (" + std::to_string(row.modseq) + ")";
            out += ")\r\n";
        }
        if (row_ < rows.size()) return;
        changed_[batch_].reset();
        ++batch_;
        row_ = 0;
    }
    if (batch_ == changed_.size()) finish_changed();
}

void SelectedMailbox::finish_changed()
{
    std::vector<store::MailboxFeed::Rows>().swap(changed_);
    batch_ = 0;
    row_ = 0;
    // Everything up to taken_ was met, and passed over where it was told.
    for (States* states : {&told_, &latest_}) {
        std::erase_if(*states, [this](const auto& entry) { return entry.second <= taken_; });
        if (states->empty()) states->shrink_to_fit();
    }
}

std::optional<NumberSet> SelectedMailbox::resolve(const SequenceSet& set, bool by_uid) const
{
    if (set.is_saved_result()) return shown_.among(saved_);
    if (by_uid) return shown_.among(set.resolve(shown_.last()));
    // RFC 9051 section 9, seq-number: a number beyond the mailbox is an error of the client.
    if (set.exceeds(shown_.size())) return std::nullopt;
    return shown_.uids_of(set.resolve(shown_.size()));
}

}  // namespace mbx::imap
