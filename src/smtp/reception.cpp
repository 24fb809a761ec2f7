#include "smtp/reception.hpp"

#include "base/ascii.hpp"

namespace mbx::smtp {

Reception::Reception(const Options& options, Framing framing)
    : framing_(framing), decoder_(options.bare_newlines), chunks_(options.bare_newlines),
      scanner_(mail::HeaderLimits{options.max_header_bytes, options.max_header_fields}),
      max_bytes_(options.max_message_bytes), max_hops_(options.max_hops),
      refuse_bare_newlines_(options.bare_newlines == BareNewlines::refuse)
{
}

std::size_t Reception::feed(std::string_view raw)
{
    fresh_.clear();
    std::size_t used = raw.size();
    if (framing_ == Framing::dots) {
        used = decoder_.feed(raw, fresh_);
    } else {
        chunks_.feed(raw, fresh_);
    }
    look_at_fresh();
    return used;
}

void Reception::finish()
{
    fresh_.clear();
    chunks_.finish(fresh_);
    is_finished_ = true;
    look_at_fresh();
}

void Reception::look_at_fresh()
{
    if (size_ == 0 && !fresh_.empty()) begins_with_space_ = ascii::is_space(fresh_.front());
    size_ += fresh_.size();
    if (!scanner_.facts().complete) {
        traced_.feed(fresh_);
        scanner_.feed(fresh_);
        forward_marks_.feed(fresh_);
    }
    if (!is_done()) return;
    scanner_.finish();
    traced_.finish();
}

std::optional<ReplyId> Reception::refusal() const
{
    if (decoder_.saw_nul() || chunks_.saw_nul()) return ReplyId::nul_byte;
    if (refuse_bare_newlines_ && (decoder_.saw_bare_newline() || chunks_.saw_bare_newline())) return ReplyId::bare_newline;
    if (scanner_.facts().over_limits) return ReplyId::header_too_large;
    if (scanner_.facts().received > max_hops_) return ReplyId::too_many_hops;
    if (size_ > max_bytes_) return ReplyId::message_too_large;
    return std::nullopt;
}

} // namespace mbx::smtp
