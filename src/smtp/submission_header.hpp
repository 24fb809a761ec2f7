// The header of a message of our own users on its way in (RFC 6409 section 8): Bcc goes, and who it says to be from is read.
// Pure; linear; holds one header section. One thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/address_list.hpp"
#include "smtp/reply.hpp"

namespace mbx::smtp {

// Who a header says to be from: mailboxes alone, those of groups too.
struct HeaderSenders {
    std::size_t from_fields = 0;
    std::size_t sender_fields = 0;
    std::vector<mail::HeaderAddress> from;
    std::vector<mail::HeaderAddress> sender;
};

class SubmissionHeader {
public:
    // A header over `most` bytes goes through as it is: such a message is refused elsewhere. `takes_utf8`: the client said
    // SMTPUTF8, so that bytes beyond ASCII are as they may be (RFC 6532); else they are encoded. With a `host`, addresses
    // without a domain ("From: root (Cron Daemon)") get it.
    SubmissionHeader(std::size_t most, bool takes_utf8, std::string host = {})
        : most_(most), takes_utf8_(takes_utf8), host_(std::move(host))
    {
    }

    // Appends to `out` what the message's next bytes add: nothing while its header is not whole, then the header without Bcc
    // and Resent-Bcc (RFC 5322 section 3.6.3), with all but the first Date and Message-ID renamed (section 3.6 allows one), then
    // everything. Where there is no header the empty line that ends it goes before the text.
    void feed(std::string_view piece, std::string& out);
    // The message is over.
    void finish(std::string& out);
    const HeaderSenders& senders() const { return senders_; }
    // Bytes beyond ASCII stood where none can be, as in an address.
    bool is_beyond_repair() const { return is_beyond_repair_; }

private:
    void give(std::string& out);
    void give_field(std::string_view whole, std::string& out);
    std::size_t most_;
    bool takes_utf8_;
    std::string host_;
    bool is_beyond_repair_ = false;
    std::string held_;
    HeaderSenders senders_;
    bool is_given_ = false;
};

// HOSTILE row C9: each address of From and of Sender is the account's own, by the address alone, whatever name stands beside
// it. One From field, with an address; none at all is added for the user. RFC 5322 section 3.6.2: several authors have a
// Sender. None: all is well.
std::optional<ReplyId> judge_header_senders(const HeaderSenders& senders,
                                            const std::function<bool(const mail::HeaderAddress&)>& is_own);
// What is to stand in front of such a header: From where there is none, Sender where several authors have none.
std::string missing_sender_fields(const HeaderSenders& senders, std::string_view own_address);

} // namespace mbx::smtp
