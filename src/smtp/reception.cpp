#include "smtp/reception.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::smtp {

Reception::Reception(const Options& options)
    : decoder_(options.bare_newlines),
      scanner_(mail::HeaderLimits{options.max_header_bytes, options.max_header_fields}),
      max_bytes_(options.max_message_bytes), max_hops_(options.max_hops),
      refuse_bare_newlines_(options.bare_newlines == BareNewlines::refuse)
{
}

std::size_t Reception::feed(std::string_view raw)
{
    fresh_.clear();
    const std::size_t used = decoder_.feed(raw, fresh_);
    if (size_ == 0 && !fresh_.empty()) begins_with_space_ = ascii::is_space(fresh_.front());
    size_ += fresh_.size();
    if (!scanner_.facts().complete) {
        constexpr std::size_t kFront = 8 * 1024;
        front_.append(fresh_, 0, kFront - std::min(front_.size(), kFront));
        scanner_.feed(fresh_);
    }
    if (decoder_.is_done()) scanner_.finish();
    return used;
}

std::optional<ReplyId> Reception::refusal() const
{
    if (decoder_.saw_nul()) return ReplyId::nul_byte;
    if (refuse_bare_newlines_ && decoder_.saw_bare_newline()) return ReplyId::bare_newline;
    if (scanner_.facts().over_limits) return ReplyId::header_too_large;
    if (scanner_.facts().received > max_hops_) return ReplyId::too_many_hops;
    if (size_ > max_bytes_) return ReplyId::message_too_large;
    return std::nullopt;
}

} // namespace mbx::smtp
