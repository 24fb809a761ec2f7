#include <array>

#include "base/ascii.hpp"
#include "mail/dsn.hpp"

namespace mbx::mail {

namespace {

struct Row {
    std::string_view detail;  // subject and detail of a status code: what follows its class
    DsnCause cause;
};

// RFC 3463 section 3, with the IANA registry's later codes.
constexpr std::array kRows = {
    Row{"1.1", DsnCause::no_such_mailbox},      Row{"1.2", DsnCause::no_such_domain},
    Row{"1.3", DsnCause::bad_address},          Row{"1.4", DsnCause::bad_address},
    Row{"1.6", DsnCause::no_such_mailbox},      Row{"1.7", DsnCause::bad_sender},
    Row{"1.8", DsnCause::bad_sender},           Row{"1.9", DsnCause::other},
    Row{"1.10", DsnCause::domain_takes_no_mail}, Row{"2.1", DsnCause::mailbox_disabled},
    Row{"2.2", DsnCause::mailbox_full},         Row{"2.3", DsnCause::too_large},
    Row{"3.1", DsnCause::server_full},          Row{"3.2", DsnCause::server_full},
    Row{"3.4", DsnCause::too_large},            Row{"4.1", DsnCause::unreachable},
    Row{"4.2", DsnCause::unreachable},          Row{"4.3", DsnCause::host_not_found},
    Row{"4.4", DsnCause::host_not_found},       Row{"4.5", DsnCause::server_full},
    Row{"4.6", DsnCause::loop},                 Row{"4.7", DsnCause::unreachable},
    Row{"5.3", DsnCause::too_many_recipients},  Row{"6.7", DsnCause::utf8_not_supported},
    Row{"6.8", DsnCause::utf8_not_supported},   Row{"6.9", DsnCause::utf8_not_supported},
    Row{"7.4", DsnCause::tls_missing},          Row{"7.5", DsnCause::tls_missing},
    Row{"7.10", DsnCause::tls_missing},         Row{"7.11", DsnCause::tls_missing},
    Row{"7.20", DsnCause::authentication_failed}, Row{"7.21", DsnCause::authentication_failed},
    Row{"7.22", DsnCause::authentication_failed}, Row{"7.23", DsnCause::authentication_failed},
    Row{"7.24", DsnCause::authentication_failed}, Row{"7.25", DsnCause::authentication_failed},
    Row{"7.26", DsnCause::authentication_failed}, Row{"7.27", DsnCause::bad_sender},
    Row{"7.30", DsnCause::tls_missing},
};

DsnCause classify_code(unsigned code)
{
    switch (code) {
    case 450:
    case 451:
    case 421: return DsnCause::try_later;
    case 452: return DsnCause::server_full;
    case 550:
    case 551: return DsnCause::other;  // a full mailbox, a missing one and spam are all told with 550
    case 552: return DsnCause::mailbox_full;
    case 553: return DsnCause::bad_address;
    case 556: return DsnCause::domain_takes_no_mail;  // RFC 7504
    case 500:
    case 501:
    case 502:
    case 503:
    case 504: return DsnCause::protocol;
    default: return DsnCause::other;
    }
}

}  // namespace

DsnCause classify_status(std::string_view status, unsigned reply_code)
{
    const auto dot = status.find('.');
    const std::string_view detail = dot == std::string_view::npos ? std::string_view() : status.substr(dot + 1);
    for (const Row& row : kRows) {
        if (row.detail == detail) return row.cause;
    }
    const bool is_temporary = status.starts_with('4');
    if (detail.starts_with("7.")) return is_temporary ? DsnCause::try_later : DsnCause::refused_by_policy;
    if (detail.starts_with("6.")) return DsnCause::content_refused;
    if (detail.starts_with("5.")) return DsnCause::protocol;
    if (detail.starts_with("4.")) return DsnCause::unreachable;
    if (detail.starts_with("3.")) return is_temporary ? DsnCause::try_later : DsnCause::other;
    return classify_code(reply_code);
}

}  // namespace mbx::mail
