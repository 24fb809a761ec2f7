#include "daemon/drop_stream.hpp"

#include <algorithm>
#include <utility>

namespace mbx::daemon {

namespace {

constexpr std::size_t kMostHeard = 4U * 1024U * 1024U;  // replies to 10,000 recipients and more

}  // namespace

DropStream::DropStream(net::Workers& workers, std::shared_ptr<const sendmail::DropFile> file, std::string before,
                       std::shared_ptr<std::string> heard)
    : workers_(workers), file_(std::move(file)), words_(std::move(before)), heard_(std::move(heard))
{
    peer_.is_unix = true;
    peer_.unix_uid = file_->uid;
}

co::Task<Result<std::size_t, net::IoError>> DropStream::read_some(std::span<char> into, net::Deadline /*deadline*/)
{
    if (is_closed_) co_return net::IoError::closed;
    if (words_.empty() && !is_behind_body_) {
        if (body_at_ < file_->head().body_size) {
            auto job = [file = file_, at = body_at_, into] { return file->read_body(at, into); };
            const std::size_t count = co_await workers_.run(net::WorkClass::delivery, std::move(job));
            if (count == 0) co_return net::IoError::failed;
            body_at_ += count;
            co_return count;
        }
        is_behind_body_ = true;
        words_ = "QUIT\r\n";
    }
    const std::size_t count = std::min(into.size(), words_.size());
    std::copy_n(words_.begin(), count, into.begin());
    words_.erase(0, count);
    co_return count;
}

co::Task<Result<void, net::IoError>> DropStream::write(std::string_view bytes, net::Deadline /*deadline*/)
{
    if (is_closed_ || heard_->size() + bytes.size() > kMostHeard) co_return net::IoError::closed;
    *heard_ += bytes;
    co_return Result<void, net::IoError>();
}

co::Task<Result<void, net::IoError>> DropStream::shutdown_write(net::Deadline /*deadline*/)
{
    co_return Result<void, net::IoError>();
}

}  // namespace mbx::daemon
