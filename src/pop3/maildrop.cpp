#include "pop3/maildrop.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "store/uid_table.hpp"

namespace mbx::pop3 {

void Maildrop::reserve(std::size_t messages)
{
    uids_.reserve(messages);
    sizes_.reserve(messages);
}

void Maildrop::add(store::Uid uid, std::uint64_t size)
{
    const auto held = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, UINT32_MAX));
    uids_.push_back(uid);
    sizes_.push_back(held);
    deleted_.push_back(false);
    retrieved_.push_back(false);
    ++left_;
    left_bytes_ += held;
}

// The same order and form as Dovecot's default: who brings a Maildir along with its UIDs brings its unique ids as well.
std::string Maildrop::unique_id(std::uint64_t number) const
{
    return fmt::format("{:08X}{:08X}", uid(number), uidvalidity_);
}

void Maildrop::remove(std::uint64_t number)
{
    deleted_[number - 1] = true;
    --left_;
    left_bytes_ -= bytes(number);
}

void Maildrop::restore_all()
{
    deleted_.assign(deleted_.size(), false);
    left_ = size();
    left_bytes_ = 0;
    for (const auto bytes : sizes_) left_bytes_ += bytes;
}

template <typename Wanted>
store::UidSet Maildrop::collect(std::uint32_t& number, std::size_t most, Wanted wanted) const
{
    store::UidSet found;
    std::size_t count = 0;
    for (; number <= size() && count < most; ++number) {
        if (!wanted(number - 1)) continue;
        store::add_above(found, {uids_[number - 1], uids_[number - 1]});
        ++count;
    }
    return found;
}

store::UidSet Maildrop::deleted(std::uint32_t& number, std::size_t most) const
{
    return collect(number, most, [this](std::size_t at) { return deleted_[at]; });
}

store::UidSet Maildrop::retrieved_and_kept(std::uint32_t& number, std::size_t most) const
{
    return collect(number, most, [this](std::size_t at) { return retrieved_[at] && !deleted_[at]; });
}

}  // namespace mbx::pop3
