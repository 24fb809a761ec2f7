// COMPRESS=DEFLATE (RFC 4978).
#include "imap/session.hpp"
#include "net/deflate_stream.hpp"

namespace mbx::imap {

co::Task<void> Session::handle(const Compress& command)
{
    if (command.mechanism != "DEFLATE") {
        bad("unknown compression mechanism");
        co_return;
    }
    // HOSTILE row E7. RFC 4978 section 3 has BAD for this and NO for another layer; the code is what clients look at.
    if (compresses_) {
        no("[COMPRESSIONACTIVE] DEFLATE is active already");
        co_return;
    }
    if (options_->compression == Compression::off) {
        no("[CANNOT] compression is not offered");
        co_return;
    }
    out_.add(tag_ + " OK DEFLATE active\r\n");
    const bool written = co_await out_.flush(true);
    if (!written) co_return;
    compresses_ = true;
    // What came behind the command is compressed (RFC 4978 section 3), and taken as nothing else: as commands in clear, text
    // that somebody put there before TLS could be executed.
    stream_ = std::make_unique<net::DeflateStream>(std::move(stream_), lines_.take_buffered());
    lines_.restart(*stream_);
    out_.attach(stream_.get());
}

}  // namespace mbx::imap
