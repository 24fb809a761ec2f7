#include "net/dns_message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "net/dns_record.hpp"

namespace mbx::net {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kQuestions = 4;    // where the counts of the sections stand
constexpr std::size_t kAnswers = 6;
constexpr std::size_t kAuthorities = 8;
constexpr std::size_t kQuestionTail = 4;  // type and class
constexpr std::size_t kRecordTail = 10;   // type, class, TTL, length
constexpr std::size_t kLengthInTail = 8;
constexpr unsigned kPointer = 0xc0;
constexpr DnsType kNsec{47};
constexpr DnsType kNsec3{50};

unsigned byte_in(std::string_view message, std::size_t at) { return static_cast<unsigned char>(message[at]); }
unsigned number_in(std::string_view message, std::size_t at) { return byte_in(message, at) << 8U | byte_in(message, at + 1); }

// Where a name that begins at `at` ends; a pointer ends it.
std::optional<std::size_t> behind_name(std::string_view message, std::size_t at)
{
    while (at < message.size()) {
        const unsigned length = byte_in(message, at);
        if ((length & kPointer) == kPointer) return at + 2;
        if (length == 0) return at + 1;
        at += 1 + length;
    }
    return std::nullopt;
}

}  // namespace

bool is_referral(std::string_view message)
{
    if (message.size() < kHeader || number_in(message, kAnswers) != 0) return false;
    std::size_t at = kHeader;
    for (unsigned left = number_in(message, kQuestions); left != 0; --left) {
        const auto end = behind_name(message, at);
        if (!end) return false;
        at = *end + kQuestionTail;
    }
    bool shows_servers = false;
    for (unsigned left = number_in(message, kAuthorities); left != 0; --left) {
        const auto end = behind_name(message, at);
        if (!end || *end + kRecordTail > message.size()) return false;
        const auto type = static_cast<DnsType>(number_in(message, *end));
        if (type == DnsType::soa) return false;
        shows_servers = shows_servers || type == DnsType::ns || type == kNsec || type == kNsec3;
        at = *end + kRecordTail + number_in(message, *end + kLengthInTail);
    }
    return shows_servers;
}

}  // namespace mbx::net
