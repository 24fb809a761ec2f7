#include "net/line_reader.hpp"

#include <algorithm>

namespace mbx::net {
namespace {

// What one read asks for: little while a client types, much while it sends a message. An idle session holds the least.
constexpr std::size_t kLeastChunk = 512;
constexpr std::size_t kMostChunk = std::size_t{32} * 1024;

ReadFailure failure_of(IoError error)
{
    switch (error) {
    case IoError::interrupted: return ReadFailure::interrupted;
    case IoError::timed_out: return ReadFailure::timed_out;
    case IoError::closed:
    case IoError::reset:
    case IoError::tls:
    case IoError::exhausted:
    case IoError::refused:
    case IoError::failed: return ReadFailure::broken;
    }
    return ReadFailure::broken;
}

}  // namespace

co::Task<Result<void, ReadFailure>> LineReader::fill(Deadline deadline)
{
    drop_taken();
    const std::size_t held = pending_.size();
    pending_.resize(held + chunk_);
    const std::span<char> into(pending_.data() + held, chunk_);
    const Result<std::size_t, IoError> got = co_await from_->read_some(into, deadline);
    const std::size_t received = got ? *got : 0;
    pending_.resize(held + received);
    if (received == chunk_) {
        chunk_ = std::min(chunk_ * 4, kMostChunk);
    } else if (received < chunk_ / 8) {
        chunk_ = std::max(chunk_ / 4, kLeastChunk);
    }
    if (!got) co_return failure_of(got.error());
    if (received == 0) co_return ReadFailure::end;
    co_return Result<void, ReadFailure>();
}

// Moves what is left to the front, and gives the memory back when nothing is.
void LineReader::drop_taken()
{
    pending_.erase(0, taken_);
    searched_ -= std::min(searched_, taken_);
    taken_ = 0;
    if (pending_.empty() && pending_.capacity() > chunk_ * 2) std::string().swap(pending_);
}

co::Task<Result<std::string_view, ReadFailure>> LineReader::line(std::size_t limit, Deadline deadline)
{
    while (true) {
        // A CR that ended the last search may have its LF by now.
        const std::size_t from = std::max(taken_, searched_ == 0 ? 0 : searched_ - 1);
        const std::size_t end = pending_.find("\r\n", from);
        if (end != std::string::npos) {
            const std::string_view found(pending_.data() + taken_, end - taken_);
            if (found.size() > limit) co_return ReadFailure::too_long;
            taken_ = end + 2;
            searched_ = taken_;
            co_return found;
        }
        searched_ = pending_.size();
        // One byte more than the limit is fine as long as it can be the CR.
        if (buffered() > limit + 1) co_return ReadFailure::too_long;
        if (buffered() == limit + 1 && pending_.back() != '\r') co_return ReadFailure::too_long;
        const Result<void, ReadFailure> filled = co_await fill(deadline);
        if (!filled) co_return filled.error();
    }
}

co::Task<Result<std::string_view, ReadFailure>> LineReader::some(std::size_t most, Deadline deadline)
{
    if (buffered() == 0) {
        const Result<void, ReadFailure> filled = co_await fill(deadline);
        if (!filled) co_return filled.error();
    }
    const std::string_view found = std::string_view(pending_).substr(taken_, most);
    taken_ += found.size();
    searched_ = taken_;
    co_return found;
}

void LineReader::give_back(std::size_t count)
{
    taken_ -= std::min(count, taken_);
    searched_ = taken_;
}

std::string LineReader::take_buffered()
{
    std::string all = pending_.substr(taken_);
    std::string().swap(pending_);
    taken_ = 0;
    searched_ = 0;
    return all;
}

void LineReader::restart(ByteStream& from)
{
    from_ = &from;
    std::string().swap(pending_);
    taken_ = 0;
    searched_ = 0;
    chunk_ = kLeastChunk;
}

}  // namespace mbx::net
