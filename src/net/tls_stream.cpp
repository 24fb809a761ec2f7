#include "net/tls_stream.hpp"

#include <algorithm>
#include <utility>

namespace mbx::net {
namespace {

constexpr std::size_t kLeastChunk = 512;
constexpr std::size_t kMostChunk = std::size_t{16} * 1024;
// A handshake of either version with long certificate chains stays far below.
constexpr std::size_t kMostHandshake = std::size_t{128} * 1024;
// Alerts, empty records and requests to renegotiate carry nothing: a peer that sends only such is cut off
// (HOSTILE row B7). One whole record of data always fits in between.
constexpr std::size_t kMostFruitless = std::size_t{64} * 1024;
// Encrypted and not yet handed on, at most.
constexpr std::size_t kMostOutgoing = std::size_t{64} * 1024;

}  // namespace

co::Task<Result<void, IoError>> TlsStream::fetch(Deadline deadline)
{
    chunk_.resize(chunk_size_);
    const Result<std::size_t, IoError> got = co_await plain_->read_some(chunk_, deadline);
    if (!got) co_return got.error();
    if (*got == 0) engine_->end_input();
    engine_->take_in({chunk_.data(), *got});
    fruitless_ += *got;
    if (*got == chunk_size_) {
        chunk_size_ = std::min(chunk_size_ * 4, kMostChunk);
    } else if (*got < chunk_size_ / 8) {
        chunk_size_ = std::max(chunk_size_ / 4, kLeastChunk);
        std::vector<char>().swap(chunk_);
    }
    co_return Result<void, IoError>();
}

// Hands on what is encrypted. A reader's answers to alerts and a writer's data share the one door.
co::Task<Result<void, IoError>> TlsStream::flush(Deadline deadline)
{
    while (true) {
        if (write_fault_) co_return *write_fault_;
        if (is_flushing_) {
            co_await flushed_.wait();
            continue;
        }
        if (engine_->outgoing.empty()) co_return Result<void, IoError>();
        is_flushing_ = true;
        const std::string bytes = std::exchange(engine_->outgoing, {});
        const Result<void, IoError> done = co_await plain_->write(bytes, deadline);
        is_flushing_ = false;
        if (!done) write_fault_ = done.error();
        flushed_.notify_all();
    }
}

co::Task<Result<void, IoError>> TlsStream::handshake(Workers& workers, Deadline deadline)
{
    auto progress = TlsEngine::Progress::want_input;
    while (true) {
        auto step = [engine = engine_] { return engine->handshake(); };
        progress = co_await workers.run(WorkClass::interactive, std::move(step));
        // Before the failure is told: the alert says why to the other side.
        const Result<void, IoError> flushed = co_await flush(deadline);
        if (progress == TlsEngine::Progress::done && flushed) break;
        if (progress != TlsEngine::Progress::want_input) {
            co_return engine_->truncated() ? IoError::reset : IoError::tls;
        }
        if (!flushed) co_return flushed.error();
        while (!engine_->has_input()) {
            if (fruitless_ > kMostHandshake) co_return IoError::tls;
            const Result<void, IoError> fetched = co_await fetch(deadline);
            if (!fetched) co_return fetched.error();
        }
    }
    fruitless_ = 0;
    facts_ = engine_->facts();
    co_return Result<void, IoError>();
}

co::Task<void> TlsStream::refuse_certificate(Deadline deadline)
{
    engine_->refuse_certificate();
    (void)co_await flush(deadline);
}

co::Task<Result<std::size_t, IoError>> TlsStream::read_some(std::span<char> into, Deadline deadline)
{
    while (true) {
        if (ended_) co_return std::size_t{0};
        if (read_fault_) co_return *read_fault_;
        std::size_t got = 0;
        const TlsEngine::Progress progress = engine_->read(into, got);
        if (progress == TlsEngine::Progress::done) {
            fruitless_ = 0;
            co_return got;
        }
        ended_ = progress == TlsEngine::Progress::ended;
        if (progress == TlsEngine::Progress::failed || fruitless_ > kMostFruitless) {
            read_fault_ = engine_->truncated() ? IoError::reset : IoError::tls;
        }
        if (!engine_->outgoing.empty() && !is_flushing_) {
            const Result<void, IoError> flushed = co_await flush(deadline);
            if (!flushed && !read_fault_ && !ended_) co_return flushed.error();
        }
        if (ended_ || read_fault_) continue;
        const Result<void, IoError> fetched = co_await fetch(deadline);
        if (!fetched) co_return fetched.error();
    }
}

co::Task<Result<void, IoError>> TlsStream::write(std::string_view bytes, Deadline deadline)
{
    while (!bytes.empty()) {
        if (write_fault_) co_return *write_fault_;
        // After a fatal alert the keys are gone.
        if (read_fault_) co_return *read_fault_;
        const std::string_view part = bytes.substr(0, kMostOutgoing);
        bytes.remove_prefix(part.size());
        if (!engine_->write(part)) {
            write_fault_ = IoError::tls;
            co_return IoError::tls;
        }
        const Result<void, IoError> flushed = co_await flush(deadline);
        if (!flushed) co_return flushed;
    }
    co_return Result<void, IoError>();
}

co::Task<Result<void, IoError>> TlsStream::shutdown_write(Deadline deadline)
{
    if (write_fault_) co_return *write_fault_;
    engine_->close_notify();
    const Result<void, IoError> flushed = co_await flush(deadline);
    if (!flushed) co_return flushed;
    write_fault_ = IoError::reset;
    const Result<void, IoError> done = co_await plain_->shutdown_write(deadline);
    co_return done;
}

}  // namespace mbx::net
