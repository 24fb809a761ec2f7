// Notifications over any words of others: legal on the wire, three parts, and the technical one reads back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/ascii.hpp"
#include "dsn_samples.hpp"
#include "mail/xtext.hpp"

using namespace mbx;

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

void check_xtext(std::string_view text)
{
    require(mail::decode_xtext(mail::encode_xtext(text)) == std::string(text));
    if (const auto decoded = mail::decode_xtext(text)) require(decoded->size() <= text.size());
    (void)mail::encode_unitext(text);
    const auto original = mail::parse_original_recipient(text);
    if (!original) return;
    const std::string again = mail::format_original_recipient(*original);
    if (!again.empty()) require(mail::parse_original_recipient(again) == original);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_xtext(text);
    (void)mail::parse_delivery_status(text);
    std::string original;
    const mail::DsnRequest request = test::odd_request(text, original);
    const mail::Dsn dsn = mail::compose_dsn(request);
    require(test::broken_rule(dsn.bytes).empty());
    const auto parts = test::parts_of(dsn.bytes);
    require(parts.size() == 3);
    const mail::DeliveryStatus status = mail::parse_delivery_status(parts[1]);
    require(status.recipients.size() == request.recipients.size());
    require(mail::status_field(status.message, "Reporting-MTA") == "dns; mx.example");
    for (const auto& fields : status.recipients) {
        require(!mail::status_field(fields, "Final-Recipient").empty());
        require(mail::status_field(fields, "Status").size() >= 5);
    }
    if (!request.smtputf8) {
        for (const char c : parts[1]) require(!ascii::is_eight_bit(c));
    }
    return 0;
}
