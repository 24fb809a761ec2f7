// The maildrop of one session (RFC 1939 section 3): INBOX as it was at log-in, what is marked as deleted, and what was
// retrieved. Eight bytes and two bits a message; no file is looked at. Pure; loop thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "store/types.hpp"

namespace mbx::pop3 {

class Maildrop {
public:
    Maildrop() = default;
    Maildrop(store::MailboxId mailbox, std::uint32_t uidvalidity) : mailbox_(mailbox), uidvalidity_(uidvalidity) {}

    void reserve(std::size_t messages);
    // The next message; UIDs ascend. Sizes above 4 GiB - 1 are held at that.
    void add(store::Uid uid, std::uint64_t size);

    store::MailboxId mailbox() const { return mailbox_; }
    // Of all that there are, deleted ones too: numbers go from 1 to this and stay what they are.
    std::uint32_t size() const { return static_cast<std::uint32_t>(uids_.size()); }
    // Of those that are not deleted: what STAT says.
    std::uint32_t left() const { return left_; }
    std::uint64_t left_bytes() const { return left_bytes_; }

    // Whether a message has that number and is not deleted. The others below are for such numbers alone.
    bool has(std::uint64_t number) const { return number >= 1 && number <= size() && !deleted_[number - 1]; }
    store::Uid uid(std::uint64_t number) const { return uids_[number - 1]; }
    std::uint32_t bytes(std::uint64_t number) const { return sizes_[number - 1]; }
    // RFC 1939 section 7: the UID and the UIDVALIDITY, which never name another message.
    std::string unique_id(std::uint64_t number) const;

    void remove(std::uint64_t number);
    void restore_all();  // RSET
    void note_retrieved(std::uint64_t number) { retrieved_[number - 1] = true; }

    // At most `most` UIDs of messages from `number` on, ascending; `number` goes to where the next call begins. Empty:
    // there are no more.
    store::UidSet deleted(std::uint32_t& number, std::size_t most) const;
    store::UidSet retrieved_and_kept(std::uint32_t& number, std::size_t most) const;

private:
    template <typename Wanted>
    store::UidSet collect(std::uint32_t& number, std::size_t most, Wanted wanted) const;

    store::MailboxId mailbox_;
    std::uint32_t uidvalidity_ = 0;
    std::vector<store::Uid> uids_;
    std::vector<std::uint32_t> sizes_;
    std::vector<bool> deleted_;
    std::vector<bool> retrieved_;
    std::uint32_t left_ = 0;
    std::uint64_t left_bytes_ = 0;
};

}  // namespace mbx::pop3
