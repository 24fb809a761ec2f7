// A message of the drop directory as the SMTP session sees it: a client that says everything at once and listens later. So what
// comes this way passes exactly the code that the socket's mail passes. Loop thread.
#pragma once

#include <memory>
#include <string>

#include "sendmail/drop_files.hpp"
#include "net/byte_stream.hpp"
#include "net/workers.hpp"

namespace mbx::daemon {

class DropStream final : public net::ByteStream {
public:
    // `before`: the commands up to BDAT; then the file's message, then QUIT. `heard`: what the session answers; it ends the
    // stream when it is too much.
    DropStream(net::Workers& workers, std::shared_ptr<const sendmail::DropFile> file, std::string before, std::shared_ptr<std::string> heard);

    co::Task<Result<std::size_t, net::IoError>> read_some(std::span<char> into, net::Deadline deadline) override;
    co::Task<Result<void, net::IoError>> write(std::string_view bytes, net::Deadline deadline) override;
    co::Task<Result<void, net::IoError>> shutdown_write(net::Deadline deadline) override;
    void interrupt_read() override {}  // nothing here waits for anybody
    void close() override { is_closed_ = true; }
    const net::PeerInfo& peer() const override { return peer_; }
    bool is_encrypted() const override { return false; }

private:
    net::Workers& workers_;
    std::shared_ptr<const sendmail::DropFile> file_;
    std::string words_;          // commands that the session has not read yet: those before the message, then those behind
    std::uint64_t body_at_ = 0;
    bool is_behind_body_ = false;
    std::shared_ptr<std::string> heard_;
    net::PeerInfo peer_;
    bool is_closed_ = false;
};

}  // namespace mbx::daemon
