#include "pop3/output.hpp"

namespace mbx::pop3 {

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

}  // namespace mbx::pop3
