#include "imap/selected_mailbox.hpp"

#include <algorithm>

#include "imap/response.hpp"

namespace mbx::imap {

SelectedMailbox::SelectedMailbox(store::MailboxInfo info, bool read_only, store::MailboxStatus status, UidMap view)
    : info_(std::move(info)), read_only_(read_only), uidvalidity_(status.uidvalidity), view_(std::move(view)),
      since_(status.highest_modseq), keywords_(std::move(status.keywords))
{
}

void SelectedMailbox::mark_told(const std::vector<store::MessageRow>& rows)
{
    for (const auto& row : rows) told_.emplace_back(row.uid, row.modseq);
    std::ranges::sort(told_);
}

void SelectedMailbox::take_keywords(const std::vector<std::string>& keywords)
{
    if (keywords == keywords_) return;
    keywords_ = keywords;
    flags_grew_ = true;
}

void SelectedMailbox::take(store::Changes changes)
{
    since_ = std::max(since_, changes.status.highest_modseq);
    take_keywords(changes.status.keywords);
    NumberSet gone;
    for (const auto uid : changes.expunged) {
        if (view_.sequence(uid)) add_above(gone, uid);
    }
    if (!gone.empty()) {
        expunged_.insert(expunged_.end(), gone.begin(), gone.end());
        expunged_ = normalised(std::move(expunged_));
    }
    changed_.erase(changed_.begin(), changed_.begin() + static_cast<std::ptrdiff_t>(changed_told_));
    changed_told_ = 0;
    for (auto& row : changes.changed) {
        if (row.uid > view_.last()) {
            view_.append(row.uid);
            exists_ = true;
        } else if (view_.sequence(row.uid) &&
                   !std::ranges::binary_search(told_, std::pair(row.uid, row.modseq))) {
            changed_.push_back(row);
        }
    }
    told_.clear();
    told_.shrink_to_fit();
}

bool SelectedMailbox::has_news(bool may_expunge) const
{
    return flags_grew_ || exists_ || changed_told_ < changed_.size() || (may_expunge && !expunged_.empty());
}

bool SelectedMailbox::announce(std::string& out, bool may_expunge, std::size_t most)
{
    if (may_expunge && !expunged_.empty()) {
        // From the highest number down, so that each number is the one it had before the command.
        const NumberSet sequences = view_.sequences_of(expunged_);
        for (auto range = sequences.rbegin(); range != sequences.rend(); ++range) {
            for (auto number = range->last; number >= range->first; --number) {
                out += "* " + std::to_string(number) + " EXPUNGE\r\n";
            }
        }
        view_.remove(expunged_);
        saved_ = intersection(saved_, view_.uids());
        expunged_.clear();
        expunged_.shrink_to_fit();
    }
    if (flags_grew_) {
        const bool may_grow = keywords_.size() < kMaxMailboxKeywords;
        out += "* FLAGS " + defined_flags_text(keywords_, false) + "\r\n";
        if (!read_only_) {
            out += "* OK [PERMANENTFLAGS " + defined_flags_text(keywords_, may_grow) + "] keywords were added\r\n";
        }
        flags_grew_ = false;
    }
    const bool told_exists = exists_;
    if (exists_) out += "* " + std::to_string(view_.size()) + " EXISTS\r\n";
    exists_ = false;
    while (changed_told_ < changed_.size() && out.size() < most) {
        const auto& row = changed_[changed_told_++];
        const auto number = view_.sequence(row.uid);
        if (!number) continue;
        out += "* " + std::to_string(*number) + " FETCH (UID " + std::to_string(row.uid) + " FLAGS " +
               flags_text(row.flags, keywords_) + ")\r\n";
    }
    if (changed_told_ == changed_.size()) {
        std::vector<store::MessageRow>().swap(changed_);
        changed_told_ = 0;
    }
    return told_exists;
}

std::optional<NumberSet> SelectedMailbox::resolve(const SequenceSet& set, bool by_uid) const
{
    if (set.is_saved_result()) return intersection(saved_, view_.uids());
    if (by_uid) return intersection(set.resolve(view_.last()), view_.uids());
    // RFC 9051 section 9, seq-number: a number beyond the mailbox is an error of the client.
    if (set.exceeds(view_.size())) return std::nullopt;
    return view_.uids_of(set.resolve(view_.size()));
}

}  // namespace mbx::imap
