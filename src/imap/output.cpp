#include "imap/output.hpp"

namespace mbx::imap {

co::Task<bool> Output::flush(bool then_wait)
{
    if (stream_ == nullptr) broken_ = true;
    if (!text_.empty() && !broken_) {
        const auto deadline = net::Deadline::after(timeout_);
        const auto written = co_await stream_->write(text_, deadline);
        broken_ = !written;
    }
    text_.clear();
    // Not by assignment: std::string keeps its memory when it takes over a short string.
    if (then_wait && text_.capacity() > 1024) std::string().swap(text_);
    co_return !broken_;
}

co::Task<bool> Output::write(const std::vector<std::string_view>& pieces)
{
    (void)co_await flush();
    for (auto piece : pieces) {
        while (!piece.empty() && !broken_) {
            const auto now = piece.substr(0, kPiece);
            const auto deadline = net::Deadline::after(timeout_);
            const auto written = co_await stream_->write(now, deadline);
            broken_ = !written;
            piece.remove_prefix(now.size());
        }
    }
    co_return !broken_;
}

}  // namespace mbx::imap
