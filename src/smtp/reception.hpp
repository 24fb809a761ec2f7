// What comes behind DATA or in chunks of BDAT, judged while it streams through: line ends, header, size. Nothing is refused before the
// message's true end, because until then a client would take no reply (HOSTILE rows A1, C5). Pure. One thread at a
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mail/header.hpp"
#include "smtp/chunk_decoder.hpp"
#include "smtp/data_decoder.hpp"
#include "smtp/forwarding.hpp"
#include "smtp/options.hpp"
#include "smtp/reply.hpp"
#include "smtp/traced_header.hpp"

namespace mbx::smtp {

class Reception {
public:
    enum class Framing : std::uint8_t {
        dots,    // DATA: ends by itself
        counted, // BDAT: ends with finish()
    };
    explicit Reception(const Options& options, Framing framing = Framing::dots);

    // Takes bytes as the client sent them and returns how many belong to the message (DataDecoder::feed).
    std::size_t feed(std::string_view raw);
    // What the last feed() added to the message, to be stored; empty once the message is refused.
    std::string_view fresh() const { return is_refused() ? std::string_view{} : std::string_view(fresh_); }

    // Behind the last chunk; what it adds is fresh().
    void finish();

    bool is_done() const { return is_finished_ || decoder_.is_done(); }
    bool is_refused() const { return refusal().has_value(); }
    // Why the message as a whole cannot be taken. With several reasons the one that is first in this order, whatever
    // came first, so that a reply does not depend on how the bytes were split: NUL, bare line ends, header, hops, size.
    std::optional<ReplyId> refusal() const;

    std::uint64_t size() const { return size_; } // of the message so far, also while it is swallowed
    const mail::HeaderFacts& header() const { return scanner_.facts(); }
    const ForwardMarks& forward_marks() const { return forward_marks_; } // all of them once the header is complete
    // A few fields of the header, for the trace.
    const TracedHeader& traced() const { return traced_; }
    // The first line would be read as the continuation of whatever stands above it.
    bool begins_with_space() const { return begins_with_space_; }

private:
    void look_at_fresh();

    Framing framing_;
    DataDecoder decoder_;
    ChunkDecoder chunks_;
    bool is_finished_ = false;
    mail::IncrementalHeaderScanner scanner_;
    ForwardMarks forward_marks_;
    std::string fresh_;
    TracedHeader traced_;
    std::uint64_t size_ = 0;
    std::uint64_t max_bytes_;
    unsigned max_hops_;
    bool refuse_bare_newlines_;
    bool begins_with_space_ = false;
};

} // namespace mbx::smtp
