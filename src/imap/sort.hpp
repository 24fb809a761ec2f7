// SORT and THREAD: what is kept of each message that a search found, and the order or the threads made of it (RFC 5256,
// RFC 5957). Gathered on the account's strand slice by slice; finish() is pure and runs on a worker beside it.
#pragma once

#include <string>
#include <vector>

#include "imap/command.hpp"
#include "imap/search.hpp"
#include "mail/sort_key.hpp"

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
    // UIDs in the order asked for.
    std::vector<store::Uid> finish();

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
    // The thread-list of RFC 5256 section 5; uids()[i] is told as numbers[i].
    std::string finish(const std::vector<std::uint32_t>& numbers) const;

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
};

}  // namespace mbx::imap
