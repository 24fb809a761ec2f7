// What a server answers to us (RFC 5321 section 4.2), read from bytes as they come and judged. Nothing a server may send
// costs more than the bounds here (HOSTILE row C13). Pure; linear; any split of the input gives the same. One thread at
// a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "queue/transport.hpp"

namespace mbx::smtp {

struct RemoteReply {
    unsigned code = 0;               // 200 to 599
    std::vector<std::string> lines;  // the text behind the code of each line, as sent; never empty

    unsigned code_class() const { return code / 100; }
    bool is_success() const { return code_class() == 2; }
    bool is_temporary() const { return code_class() == 4; }
    bool is_permanent() const { return code_class() == 5; }
    bool closes() const { return code == 421; }  // RFC 5321 section 3.8: from any command, the server goes away
    // The code of RFC 3463 in front of the first line, when its class is the reply's (RFC 2034 section 4).
    std::string enhanced() const;
    // All lines without those codes on one: UTF-8 without control bytes, at most 2 KiB. Who shows it escapes what is left.
    std::string text() const;
};

class RemoteReplyParser {
public:
    static constexpr std::size_t kMaxLine = 4096;         // RFC 5321 section 4.5.3.1.5 allows 512
    static constexpr std::size_t kMaxBytes = 64 * 1024;   // of one reply
    static constexpr std::size_t kMaxLines = 1000;

    enum class State : std::uint8_t {
        more,      // the reply is not whole
        done,      // reply() holds it
        not_smtp,  // no code, a code out of range, or codes of several classes in one reply
        too_long,
    };
    // Takes bytes up to the end of the reply and says how many; what is behind belongs to the next. A bare LF ends a line
    // too: some servers send it, and nothing of ours goes through here.
    std::size_t feed(std::string_view bytes);
    State state() const { return state_; }
    const RemoteReply& reply() const { return reply_; }
    // What came last, for whoever has to find out: printable, at most 200 bytes.
    std::string last_words() const;
    // Whether nothing was fed since the start.
    bool is_fresh() const { return bytes_ == 0; }

private:
    void take_line(std::string_view line);

    State state_ = State::more;
    RemoteReply reply_;
    std::string line_;
    std::size_t bytes_ = 0;
};

// Where in a transaction a reply came: the same code means other things (RFC 5321 section 4.3.2).
enum class ClientStep : std::uint8_t { greeting, hello, start_tls, authentication, mail, recipient, data, content };
std::string_view name_of(ClientStep step);  // "RCPT", "the end of the message"

// The verdict of a reply and its words. 2yz is delivered (of a recipient: accepted), 5yz permanent, the rest temporary: 4yz,
// 421, and a 3yz or 2yz where it says nothing. Of 552 to RCPT, see below.
queue::Answer answer_of(const RemoteReply& reply, ClientStep step);
// A reply that means nothing where it came (250 to DATA, 354 to RCPT): temporary, in words of ours that quote it.
queue::Answer out_of_place(const RemoteReply& reply, std::string_view to);
// "Too many recipients": the others are to be sent in a transaction of their own (RFC 5321 section 4.5.3.1.10). 452, and 552,
// which older servers send; not when the enhanced code speaks of a full mailbox or a large message.
bool is_too_many_recipients(const RemoteReply& reply);

// What we ourselves have to say.
queue::Answer own_answer(queue::Answer::Verdict verdict, std::string enhanced, std::string text);

}  // namespace mbx::smtp
