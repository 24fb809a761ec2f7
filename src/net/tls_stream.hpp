// A ByteStream that encrypts over another one. Inside net/ only. Loop thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "co/event.hpp"
#include "net/byte_stream.hpp"
#include "net/tls_engine.hpp"
#include "net/workers.hpp"

namespace mbx::net {

class TlsStream final : public ByteStream {
public:
    TlsStream(std::unique_ptr<ByteStream> plain, std::shared_ptr<TlsEngine> engine)
        : plain_(std::move(plain)), engine_(std::move(engine))
    {
    }
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;
    ~TlsStream() override { plain_->close(); }

    // The whole handshake: computing on the workers, network on the loop. On failure the stream is of no more use.
    co::Task<Result<void, IoError>> handshake(Workers& workers, Deadline deadline);
    std::string failure() const { return engine_->failure(); }
    // After a client's handshake: what was found true of the certificate.
    void set_trust(TlsTrust trust) { facts_.trust = trust; }
    // After it, when the certificate is not believed: says so to the other side. Nothing else may follow.
    co::Task<void> refuse_certificate(Deadline deadline);

    co::Task<Result<std::size_t, IoError>> read_some(std::span<char> into, Deadline deadline) override;
    co::Task<Result<void, IoError>> write(std::string_view bytes, Deadline deadline) override;
    co::Task<Result<void, IoError>> shutdown_write(Deadline deadline) override;
    void interrupt_read() override { plain_->interrupt_read(); }
    void close() override { plain_->close(); }
    const PeerInfo& peer() const override { return plain_->peer(); }
    bool is_encrypted() const override { return true; }
    TlsFacts tls_facts() const override { return facts_; }
    std::string channel_binding(ChannelBinding kind) const override { return engine_->channel_binding(kind); }

private:
    co::Task<Result<void, IoError>> fetch(Deadline deadline);
    co::Task<Result<void, IoError>> flush(Deadline deadline);

    std::unique_ptr<ByteStream> plain_;
    std::shared_ptr<TlsEngine> engine_;
    TlsFacts facts_;
    std::vector<char> chunk_;       // what a read of the network fills
    std::size_t chunk_size_ = 512;  // small while the peer is idle
    std::size_t fruitless_ = 0;     // bytes taken in since the last one that was the peer's own
    bool ended_ = false;
    bool is_flushing_ = false;
    co::Event flushed_;
    std::optional<IoError> read_fault_;
    std::optional<IoError> write_fault_;
};

}  // namespace mbx::net
