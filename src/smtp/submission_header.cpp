#include "smtp/submission_header.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.hpp"
#include "mail/header.hpp"
#include "mail/header_encoding.hpp"

namespace mbx::smtp {

namespace {

void add_mailboxes(std::string_view value, std::vector<mail::HeaderAddress>& into)
{
    for (mail::HeaderAddress& each : mail::parse_address_list(value)) {
        if (each.kind == mail::HeaderAddress::Kind::mailbox) into.push_back(std::move(each));
    }
}

bool holds_addresses(std::string_view name)
{
    if (ascii::starts_with(name, "Resent-")) name.remove_prefix(7);
    constexpr std::array<std::string_view, 5> kFields{"From", "Sender", "Reply-To", "To", "Cc"};
    return std::ranges::any_of(kFields, [&](std::string_view each) { return ascii::same(name, each); });
}

// One entry a line; the members of a group stay on its line.
std::string folded_list(const std::vector<mail::HeaderAddress>& addresses)
{
    using Kind = mail::HeaderAddress::Kind;
    std::string value;
    for (std::size_t at = 0; at < addresses.size();) {
        std::size_t end = at + 1;
        if (addresses[at].kind == Kind::group_start) {
            while (end < addresses.size() && addresses[end].kind != Kind::group_end) ++end;
            end = std::min(end + 1, addresses.size());
        }
        const auto first = addresses.begin();
        value += value.empty() ? "" : ",\r\n\t";
        value += mail::format_address_list({first + static_cast<std::ptrdiff_t>(at), first + static_cast<std::ptrdiff_t>(end)});
        at = end;
    }
    return value;
}

// The field with the host behind each bare name; empty: there is none.
std::string with_host(const mail::HeaderField& field, std::string_view host)
{
    if (host.empty() || !holds_addresses(field.name)) return {};
    auto addresses = mail::parse_address_list(field.value);
    if (addresses.size() >= mail::kMaxAddresses) return {};
    bool is_changed = false;
    for (mail::HeaderAddress& each : addresses) {
        if (each.kind != mail::HeaderAddress::Kind::mailbox || !each.domain.empty() || each.local.empty()) continue;
        each.domain = host;
        is_changed = true;
    }
    if (!is_changed) return {};
    return std::string(field.name) + ": " + folded_list(addresses) + "\r\n";
}

// Where a header that is held ends, from `from` on: behind its empty line; npos: not yet. Line ends are CRLF or LF.
std::size_t find_header_end(std::string_view held, std::size_t from)
{
    if (held.starts_with("\r\n") || held.starts_with('\n')) return held.front() == '\n' ? 1 : 2;
    for (std::size_t at = held.find('\n', from); at != std::string_view::npos; at = held.find('\n', at + 1)) {
        const std::string_view behind = held.substr(at + 1);
        if (behind.starts_with('\n')) return at + 2;
        if (behind.starts_with("\r\n")) return at + 3;
    }
    return std::string_view::npos;
}

} // namespace

void SubmissionHeader::feed(std::string_view piece, std::string& out)
{
    if (is_given_) {
        out += piece;
        return;
    }
    const std::size_t from = held_.size() < 3 ? 0 : held_.size() - 3;
    held_ += piece;
    const std::size_t end = find_header_end(held_, from);
    if (end != std::string::npos) {
        const std::string behind = held_.substr(end);
        held_.resize(end);
        give(out);
        out += behind;
    } else if (held_.size() > most_ + 4) {
        is_given_ = true;
        out += std::exchange(held_, {});
    }
}

void SubmissionHeader::finish(std::string& out)
{
    if (!is_given_) give(out);
}

void SubmissionHeader::give(std::string& out)
{
    is_given_ = true;
    const mail::Header header = mail::parse_header(held_, {SIZE_MAX, SIZE_MAX});
    // Text from its first line on: what is added in front must not run into it.
    const bool has_field = std::ranges::any_of(header.fields, [](const mail::HeaderField& field) { return !field.name.empty(); });
    if (!has_field && !held_.empty() && !held_.starts_with("\r\n") && !held_.starts_with('\n')) {
        out += "\r\n";
        out += std::exchange(held_, {});
        return;
    }
    std::size_t dates = 0;
    std::size_t ids = 0;
    std::size_t end = 0;
    for (const mail::HeaderField& field : header.fields) {
        end = field.offset + field.whole.size();
        if (ascii::same(field.name, "Bcc") || ascii::same(field.name, "Resent-Bcc")) continue;
        if (ascii::same(field.name, "From")) {
            ++senders_.from_fields;
            add_mailboxes(field.value, senders_.from);
        } else if (ascii::same(field.name, "Sender")) {
            ++senders_.sender_fields;
            add_mailboxes(field.value, senders_.sender);
        }
        const bool is_second = (ascii::same(field.name, "Date") && ++dates > 1) || (ascii::same(field.name, "Message-ID") && ++ids > 1);
        if (is_second) {
            give_field("X-Duplicate-" + std::string(field.whole), out);
            continue;
        }
        const std::string completed = with_host(field, host_);
        give_field(completed.empty() ? field.whole : std::string_view(completed), out);
    }
    out += std::string_view(held_).substr(end);
    std::string().swap(held_);
}

// RFC 6409 section 8: what goes on conforms to RFC 5322, whose header is ASCII.
void SubmissionHeader::give_field(std::string_view whole, std::string& out)
{
    auto legal = takes_utf8_ ? std::nullopt : mail::encode_field(whole);
    is_beyond_repair_ = is_beyond_repair_ || (!takes_utf8_ && !legal);
    if (legal) out += *legal;
    else out += whole;
}

std::optional<ReplyId> judge_header_senders(const HeaderSenders& senders,
                                            const std::function<bool(const mail::HeaderAddress&)>& is_own)
{
    if (senders.from_fields > 1 || senders.sender_fields > 1) return ReplyId::header_sender_malformed;
    if (senders.from_fields == 1 && senders.from.empty()) return ReplyId::header_sender_malformed;
    if (senders.sender_fields == 1 && senders.sender.size() != 1) return ReplyId::header_sender_malformed;
    if (!std::ranges::all_of(senders.from, is_own) || !std::ranges::all_of(senders.sender, is_own))
        return ReplyId::header_sender_not_owned;
    return std::nullopt;
}

std::string missing_sender_fields(const HeaderSenders& senders, std::string_view own_address)
{
    std::string fields;
    if (senders.from_fields == 0) fields += "From: <" + std::string(own_address) + ">\r\n";
    if (senders.from.size() > 1 && senders.sender_fields == 0) fields += "Sender: <" + std::string(own_address) + ">\r\n";
    return fields;
}

} // namespace mbx::smtp
