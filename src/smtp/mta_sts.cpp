#include "smtp/mta_sts.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "net/dns_record.hpp"

namespace mbx::smtp {
namespace {

constexpr std::uint64_t kMostAge = 31'557'600;  // RFC 8461 section 3.2
constexpr std::size_t kMostHosts = 1'000;
constexpr std::size_t kMostId = 32;
constexpr std::string_view kVersion = "STSv1";
constexpr std::string_view kStoredMark = "mailboxd-mta-sts 1";
constexpr std::uint64_t kMostSeconds = 9'000'000'000;  // of a clock that counts nanoseconds in 64 bits

// Takes what stands before `mark` from the front of `text`, and the mark.
std::string_view take_until(std::string_view& text, char mark)
{
    const auto end = text.find(mark);
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return taken;
}

bool is_id(std::string_view id)
{
    return !id.empty() && id.size() <= kMostId && std::ranges::all_of(id, ascii::is_alnum);
}

bool is_pattern(std::string_view pattern)
{
    if (pattern.starts_with("*.")) pattern.remove_prefix(2);
    return net::is_dns_name(pattern) && pattern.find('*') == std::string_view::npos && !pattern.ends_with('.');
}

// The fields of a policy, as far as they were there.
struct Fields {
    std::optional<std::string> version;
    std::optional<std::string> mode;
    std::optional<std::string> max_age;
    std::vector<std::string> mx;
    bool has_odd_mx = false;
};

void keep_first(std::optional<std::string>& field, std::string_view value)
{
    if (!field) field = value;
}

Fields read_fields(std::string_view text)
{
    Fields fields;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find(':') == std::string_view::npos) continue;
        const std::string_view name = ascii::trim(take_until(line, ':'));
        const std::string_view value = ascii::trim(line);
        if (name == "version") keep_first(fields.version, value);
        else if (name == "mode") keep_first(fields.mode, value);
        else if (name == "max_age") keep_first(fields.max_age, value);
        else if (name == "mx") {
            const bool is_good = is_pattern(value) && fields.mx.size() < kMostHosts;
            if (is_good) fields.mx.push_back(ascii::to_lower(value));
            else fields.has_odd_mx = true;
        }
    }
    return fields;
}

std::optional<StsMode> parse_mode(std::string_view text)
{
    for (const StsMode mode : {StsMode::none, StsMode::testing, StsMode::enforce}) {
        if (text == describe(mode)) return mode;
    }
    return std::nullopt;
}

}  // namespace

std::string_view describe(StsMode mode)
{
    switch (mode) {
    case StsMode::none: return "none";
    case StsMode::testing: return "testing";
    case StsMode::enforce: return "enforce";
    }
    return "none";
}

std::optional<std::string> parse_sts_record(const std::vector<std::string>& texts)
{
    std::optional<std::string_view> record;
    for (const std::string_view text : texts) {
        // Section 3.1: what does not begin with "v=STSv1;" is of something else.
        if (!text.starts_with("v=STSv1")) continue;
        const std::string_view behind = ascii::trim(text.substr(7));
        if (!behind.starts_with(';')) continue;
        if (record) return std::nullopt;
        record = behind.substr(1);
    }
    if (!record) return std::nullopt;
    while (!record->empty()) {
        std::string_view field = take_until(*record, ';');
        const std::string_view name = ascii::trim(take_until(field, '='));
        if (name != "id") continue;
        const std::string_view id = ascii::trim(field);
        if (!is_id(id)) return std::nullopt;
        return std::string(id);
    }
    return std::nullopt;
}

Result<StsPolicy, std::string> parse_sts_policy(std::string_view text)
{
    if (text.size() > kMaxStsPolicy) return std::string("the policy is longer than 64 KiB");
    const Fields fields = read_fields(text);
    if (fields.version != kVersion) return std::string("the policy is not of version STSv1");
    const auto mode = fields.mode ? parse_mode(*fields.mode) : std::nullopt;
    if (!mode) return std::string("the policy has no mode that is known");
    const bool has_age = fields.max_age && fields.max_age->size() <= 10;
    const auto age = has_age ? ascii::parse_number(*fields.max_age) : std::nullopt;
    if (!age) return std::string("the policy has no max_age");
    if (fields.has_odd_mx) return std::string("the policy names an mx that is no host name");
    if (fields.mx.empty() && *mode != StsMode::none) return std::string("the policy names no mx");
    StsPolicy policy;
    policy.mode = *mode;
    policy.max_age = std::chrono::seconds(static_cast<std::int64_t>(std::min(*age, kMostAge)));
    policy.mx = fields.mx;
    return policy;
}

bool sts_allows(const StsPolicy& policy, std::string_view host)
{
    return std::ranges::any_of(policy.mx, [host](std::string_view pattern) {
        if (!pattern.starts_with("*.")) return ascii::same(pattern, host);
        const auto dot = host.find('.');
        // Section 4.1: the asterisk is one whole label.
        return dot != std::string_view::npos && dot != 0 && ascii::same(host.substr(dot + 1), pattern.substr(2));
    });
}

std::string write_stored_policy(const StoredPolicy& stored)
{
    const auto fetched = std::chrono::duration_cast<std::chrono::seconds>(stored.fetched.time_since_epoch()).count();
    return std::string(kStoredMark) + "\nid " + stored.id + "\nfetched " + std::to_string(fetched) + "\n\n" + stored.text;
}

std::optional<StoredPolicy> read_stored_policy(std::string_view bytes)
{
    if (take_until(bytes, '\n') != kStoredMark) return std::nullopt;
    std::string_view id = take_until(bytes, '\n');
    std::string_view fetched = take_until(bytes, '\n');
    if (!id.starts_with("id ") || !fetched.starts_with("fetched ") || !take_until(bytes, '\n').empty()) return std::nullopt;
    id.remove_prefix(3);
    const auto seconds = ascii::parse_number(fetched.substr(8));
    if (!is_id(id) || !seconds || *seconds > kMostSeconds) return std::nullopt;
    auto policy = parse_sts_policy(bytes);
    if (!policy) return std::nullopt;
    StoredPolicy stored;
    stored.id = id;
    stored.fetched = WallTime(std::chrono::seconds(static_cast<std::int64_t>(*seconds)));
    stored.text = bytes;
    stored.policy = std::move(*policy);
    return stored;
}

}  // namespace mbx::smtp
