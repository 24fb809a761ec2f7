// SORT and THREAD: what is kept of each message that a search found, and the order or the threads made of it (RFC 5256,
// RFC 5957). Gathered on the account's strand slice by slice; finish() is pure and runs on a worker beside it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imap/command.hpp"
#include "imap/search.hpp"
#include "mail/sort_key.hpp"
#include "mail/thread.hpp"

namespace mbx::imap {

std::string sort_key(const std::vector<SortCriterion>& criteria, const store::MessageRow& row, const store::Brief& brief,
                     unsigned score);

// A message in an order: by its key, then by its place in the mailbox.
struct KeyedUid {
    std::string key;
    store::Uid uid = 0;
    auto operator<=>(const KeyedUid&) const = default;
};

// Keeps the keys, for an order that goes on changing (RFC 5267).
class ContextHarvest final : public Harvest {
public:
    explicit ContextHarvest(const std::vector<SortCriterion>& criteria) : criteria_(criteria) {}
    void take(const store::MessageRow& row, const store::Brief& brief, unsigned score) override;
    // Those of these UIDs.
    std::vector<KeyedUid> take_found(const NumberSet& uids);

private:
    std::vector<SortCriterion> criteria_;
    std::vector<KeyedUid> found_;
};

class SortHarvest final : public Harvest {
public:
    explicit SortHarvest(const std::vector<SortCriterion>& criteria) : criteria_(criteria) {}
    bool needs_briefs() const override;
    void take(const store::MessageRow& row, const store::Brief& brief, unsigned score) override;
    // UIDs in the order asked for: of all that were taken, or of those among `found`. More may be taken behind it.
    std::vector<store::Uid> finish();
    std::vector<store::Uid> finish(const NumberSet& found);
    std::size_t size() const { return table_.size(); }
    std::size_t bytes() const { return table_.bytes(); }

private:
    std::vector<SortCriterion> criteria_;
    mail::SortTable table_;
    std::string key_;
};

class ThreadHarvest final : public Harvest {
public:
    explicit ThreadHarvest(ThreadAlgorithm algorithm) : algorithm_(algorithm) {}
    void take(const store::MessageRow& row, const store::Brief& brief, unsigned score) override;
    const std::vector<store::Uid>& uids() const { return uids_; }
    std::size_t size() const { return uids_.size(); }
    std::size_t bytes() const;
    // The thread-list of RFC 5256 section 5; uids()[i] is told as numbers[i], and not at all where it is not among `found`.
    // Asked again for the same messages, the threads are those of the last time, told anew. More may be taken behind it.
    std::string finish(const NumberSet& found, const std::vector<std::uint32_t>& numbers);

private:
    struct Member {
        std::uint64_t id = 0;
        std::size_t first_reference = 0;
        std::size_t references = 0;
        std::size_t subject = 0;
        std::size_t subject_size = 0;
        std::int64_t sent = 0;
        bool is_reply = false;
    };
    ThreadAlgorithm algorithm_;
    std::vector<store::Uid> uids_;
    std::vector<Member> members_;
    std::vector<std::uint64_t> references_;  // of all of them
    std::string subjects_;
    struct Last {
        NumberSet found;
        std::size_t members = 0;                // that were taken then
        std::vector<std::uint32_t> indexes;     // into members_: the forest's messages
        mail::ThreadForest forest;
    };
    Last link(const NumberSet& found) const;
    std::optional<Last> last_;
};

}  // namespace mbx::imap
