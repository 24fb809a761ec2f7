// A ByteStream that compresses over another one: raw DEFLATE (RFC 1951) both ways, each write flushed so that the other
// side can read all of it (RFC 4978 section 3). Loop thread.
//
// Bounded: a read inflates into what was asked for and no further, whatever its input claims to become (HOSTILE row E7), and
// holds at most kMostInput compressed bytes. Memory: 40 KiB to inflate and 70 KiB to deflate while both are in use. After
// kRestAfter without a byte from the peer the compressor is given up (its next block begins without a history, which the
// format allows) and of the inflater only its history is kept: what the peer sent last, at most 32 KiB.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "net/byte_stream.hpp"

namespace mbx::net {

class DeflateStream final : public ByteStream {
public:
    static constexpr std::size_t kMostInput = 4096;
    static constexpr std::chrono::seconds kRestAfter{3};

    // `first`: bytes of the peer that were received already; they are compressed ones.
    DeflateStream(std::unique_ptr<ByteStream> inner, std::string first);
    DeflateStream(const DeflateStream&) = delete;
    DeflateStream& operator=(const DeflateStream&) = delete;
    ~DeflateStream() override;

    // IoError::failed for what is not DEFLATE; 0 also where the peer ended the format.
    co::Task<Result<std::size_t, IoError>> read_some(std::span<char> into, Deadline deadline) override;
    co::Task<Result<void, IoError>> write(std::string_view bytes, Deadline deadline) override;
    co::Task<Result<void, IoError>> shutdown_write(Deadline deadline) override { return inner_->shutdown_write(deadline); }
    void interrupt_read() override { inner_->interrupt_read(); }
    void close() override { inner_->close(); }
    const PeerInfo& peer() const override { return inner_->peer(); }
    bool is_encrypted() const override { return inner_->is_encrypted(); }
    TlsFacts tls_facts() const override { return inner_->tls_facts(); }
    std::string channel_binding(ChannelBinding kind) const override { return inner_->channel_binding(kind); }

    bool is_resting() const;  // for tests

private:
    class Inflater;
    class Deflater;

    co::Task<Result<void, IoError>> fetch(Deadline deadline);
    void rest();

    std::unique_ptr<ByteStream> inner_;
    std::unique_ptr<Inflater> inflater_;  // none: resting
    std::unique_ptr<Deflater> deflater_;
    std::string history_;  // of the inflater, while it rests
    std::string input_;
    std::size_t taken_ = 0;  // of input_
    bool is_ended_ = false;
    bool is_writing_ = false;
};

}  // namespace mbx::net
