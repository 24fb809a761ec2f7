#include "imap/search_text.hpp"

#include <algorithm>
#include <cstring>

#include "base/ascii.hpp"
#include "imap/search.hpp"
#include "mail/date.hpp"
#include "mail/header.hpp"
#include "mail/mime.hpp"
#include "mail/search_text.hpp"

namespace mbx::imap {

namespace {

bool holds(std::string_view folded, std::string_view needle)
{
    if (needle.empty()) return true;
    return ::memmem(folded.data(), folded.size(), needle.data(), needle.size()) != nullptr;
}

}  // namespace

void SearchText::load_headers()
{
    if (headers_) return;
    const auto bytes = source_.bytes();
    headers_ = mail::searchable_header(bytes);
    for (const auto& field : mail::find_fields(bytes, "Date")) {
        const auto date = mail::parse_date(field.value);
        if (!date) continue;
        sent_day_ = mail::days_since_epoch(mail::local_date(*date));
        break;
    }
}

void SearchText::load_body()
{
    if (body_) return;
    body_.emplace();
    const auto bytes = source_.bytes();
    const auto take = [this](std::string&& text) {
        body_->push_back(std::move(text));
        return true;
    };
    (void)mail::visit_searchable_body(bytes, mail::parse_structure(bytes), SIZE_MAX, take);
}

bool SearchText::header_contains(std::string_view field, std::string_view needle)
{
    load_headers();
    for (const auto& known : *headers_) {
        if (ascii::same(known.name, field) && holds(known.text, needle)) return true;
    }
    return false;
}

bool SearchText::body_contains(std::string_view needle)
{
    load_body();
    for (const auto& part : *body_) {
        if (holds(part, needle)) return true;
    }
    return needle.empty();
}

bool SearchText::text_contains(std::string_view needle)
{
    load_headers();
    for (const auto& known : *headers_) {
        if (holds(known.text, needle) || holds(known.name, needle)) return true;
    }
    return body_contains(needle);
}

unsigned SearchText::header_score(std::string_view field, const mail::FuzzyKey& key)
{
    load_headers();
    unsigned best = 0;
    for (const auto& known : *headers_) {
        if (ascii::same(known.name, field)) best = std::max(best, mail::fuzzy_score(key, known.text));
    }
    return best;
}

unsigned SearchText::body_score(const mail::FuzzyKey& key)
{
    load_body();
    unsigned best = key.whole.empty() ? 100 : 0;
    for (const auto& part : *body_) best = std::max(best, mail::fuzzy_score(key, part));
    return best;
}

unsigned SearchText::text_score(const mail::FuzzyKey& key)
{
    load_headers();
    unsigned best = 0;
    for (const auto& known : *headers_) best = std::max(best, mail::fuzzy_score(key, known.text));
    return best == 100 ? best : std::max(best, body_score(key));
}

const std::optional<std::int64_t>& SearchText::sent_day()
{
    load_headers();
    return sent_day_;
}

}  // namespace mbx::imap
