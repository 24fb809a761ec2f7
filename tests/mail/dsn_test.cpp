#include "mail/dsn.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/codec.hpp"
#include "dsn_samples.hpp"
#include "mail/dsn_words.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "mail/transfer_encoding.hpp"

using namespace mbx::mail;
using mbx::WallTime;
using mbx::test::broken_rule;
using mbx::test::parts_of;

namespace {

constexpr std::string_view kOriginal = "From: Alice <alice@example.org>\r\nSubject: Lunch\r\nMessage-ID: <lunch@example.org>\r\n\r\n"
                                       "Today at noon?\r\n";

DsnRecipient failed_recipient()
{
    DsnRecipient recipient;
    recipient.address = "bob@example.net";
    recipient.original = "rfc822;Bob+friends@example.net";
    recipient.status = "5.1.1";
    recipient.code = 550;
    recipient.said = "No such user here";
    recipient.is_remote = true;
    recipient.host = "mx.example.net";
    return recipient;
}

DsnRequest failure()
{
    DsnRequest request;
    request.hostname = "mx.example.org";
    request.to = "alice@example.org";
    request.id = "1-2-3";
    request.unique = "00112233445566778899";
    request.now = WallTime(std::chrono::seconds(1'800'000'000));
    request.arrived = request.now - std::chrono::hours(120);
    request.envelope_id = "QQ+314";
    request.received_from = "laptop.example.org";
    request.original = kOriginal;
    request.original_size = kOriginal.size();
    request.recipients.push_back(failed_recipient());
    return request;
}

std::string words_of(const Dsn& dsn)
{
    return decode_transfer(parts_of(dsn.bytes).at(0), dsn.bytes.find("encoding: base64") != std::string::npos ||
                                                              dsn.bytes.find("Encoding: base64") != std::string::npos
                                                          ? TransferEncoding::base64
                                                          : TransferEncoding::seven_bit);
}

}  // namespace

TEST_CASE("a failure tells in both languages what happened, what the server said, and what to do", "[mail][dsn]")
{
    const Dsn dsn = compose_dsn(failure());
    const std::string words = words_of(dsn);
    CAPTURE(words);
    for (const std::string_view part :
         {"There is no mailbox with this address at example.net.", "The server mx.example.net said: 550 5.1.1 No such user here",
          "What you can do: Look for typing mistakes", "На example.net нет ящика с таким адресом.", "Что можно сделать: Проверьте"})
        CHECK(words.find(part) != std::string::npos);
    CHECK(words.find("There is") < words.find("На example"));
    CHECK(broken_rule(dsn.bytes).empty());
    CHECK_FALSE(dsn.smtputf8);
    CHECK_FALSE(dsn.eight_bit);
}

TEST_CASE("one language alone is told when it is asked for", "[mail][dsn]")
{
    DsnRequest request = failure();
    request.languages = DsnLanguages::english;
    CHECK(dsn_text(request).find("Что") == std::string::npos);
    CHECK(compose_dsn(request).bytes.find("What you can do") != std::string::npos);
    request.languages = DsnLanguages::russian;
    CHECK(dsn_text(request).find("What") == std::string::npos);
    CHECK(dsn_subject(request) == "Не доставлено: Lunch");
}

TEST_CASE("the header names the original and says that it is automatic", "[mail][dsn]")
{
    const Dsn dsn = compose_dsn(failure());
    const auto value = [&dsn](std::string_view name) { return unfold(find_field(dsn.bytes, name)->value); };
    CHECK(value("From") == "Mail Delivery System <MAILER-DAEMON@mx.example.org>");
    CHECK(value("To") == "<alice@example.org>");
    CHECK(value("Subject") == "Not delivered: Lunch");
    CHECK(value("In-Reply-To") == "<lunch@example.org>");
    CHECK(value("References") == "<lunch@example.org>");
    CHECK(value("Auto-Submitted") == "auto-replied");
    CHECK(value("Message-ID") == "<00112233445566778899@mx.example.org>");
    CHECK(value("Date") == "Fri, 15 Jan 2027 08:00:00 +0000");
}

TEST_CASE("the technical part has every field of RFC 3464", "[mail][dsn]")
{
    DsnRequest request = failure();
    request.recipients[0].last_attempt = request.now;
    DsnRecipient delayed = failed_recipient();
    delayed.action = DsnAction::delayed;
    delayed.status = "4.4.1";
    delayed.is_remote = false;
    delayed.said = "connection timed out";
    delayed.retry_until = request.now + std::chrono::hours(1);
    request.recipients.push_back(delayed);
    const DeliveryStatus status = parse_delivery_status(parts_of(compose_dsn(request).bytes).at(1));
    CHECK(status.message == StatusFields{{"Original-Envelope-Id", "QQ+314"},
                                         {"Reporting-MTA", "dns; mx.example.org"},
                                         {"Received-From-MTA", "dns; laptop.example.org"},
                                         {"Arrival-Date", "Sun, 10 Jan 2027 08:00:00 +0000"}});
    REQUIRE(status.recipients.size() == 2);
    CHECK(status.recipients[0] == StatusFields{{"Original-Recipient", "rfc822; Bob+friends@example.net"},
                                               {"Final-Recipient", "rfc822; bob@example.net"},
                                               {"Action", "failed"},
                                               {"Status", "5.1.1"},
                                               {"Remote-MTA", "dns; mx.example.net"},
                                               {"Diagnostic-Code", "smtp; 550 5.1.1 No such user here"},
                                               {"Last-Attempt-Date", "Fri, 15 Jan 2027 08:00:00 +0000"},
                                               {"Final-Log-ID", "1-2-3"}});
    CHECK(status_field(status.recipients[1], "will-retry-until") == "Fri, 15 Jan 2027 09:00:00 +0000");
    CHECK(status_field(status.recipients[1], "Diagnostic-Code") == "X-Mailboxd; connection timed out");
    CHECK(status_field(status.recipients[1], "Action") == "delayed");
}

TEST_CASE("I5: RET=FULL returns a small message whole and cuts a large one to its header", "[mail][dsn][I5]")
{
    DsnRequest request = failure();
    CHECK(parts_of(compose_dsn(request).bytes).at(2).find("noon") == std::string::npos);
    request.return_full = true;
    CHECK(parts_of(compose_dsn(request).bytes).at(2) == kOriginal);
    request.original_size = 100'000'000;  // its front alone is at hand
    CHECK(parts_of(compose_dsn(request).bytes).at(2).find("noon") == std::string::npos);
    std::string large(kOriginal);
    large.append(request.most_returned, 'x');
    request.original = large;
    request.original_size = large.size();
    const Dsn dsn = compose_dsn(request);
    CHECK(dsn.bytes.find("text/rfc822-headers") != std::string::npos);
    CHECK(dsn.bytes.size() < 16'000);
}

TEST_CASE("I5: a whole message is returned for failures alone", "[mail][dsn][I5]")
{
    DsnRequest request = failure();
    request.return_full = true;
    request.recipients[0].action = DsnAction::relayed;
    request.recipients[0].status = "2.1.5";
    const Dsn dsn = compose_dsn(request);
    CHECK(dsn.bytes.find("message/rfc822") == std::string::npos);
    const DeliveryStatus status = parse_delivery_status(parts_of(dsn.bytes).at(1));
    CHECK(status_field(status.recipients.at(0), "Action") == "relayed");
    CHECK(status_field(status.recipients.at(0), "Status") == "2.1.5");
}

TEST_CASE("I5: 8-bit and illegal originals come back in a legal encoding", "[mail][dsn][I5]")
{
    DsnRequest request = failure();
    request.return_full = true;
    const std::string eight_bit = "Subject: a\r\n\r\n\xd0\xb1\xd0\xbe\xd0\xb1\r\n";
    request.original = eight_bit;
    request.original_size = eight_bit.size();
    Dsn dsn = compose_dsn(request);
    CHECK(dsn.eight_bit);
    CHECK(parts_of(dsn.bytes).at(2) == eight_bit);
    const auto illegal = GENERATE(std::string("Subject: \xd0\xb1\r\n\r\nbare \n line"), std::string("Subject: a\r\n\r\nnul \0", 19),
                                  "Subject: \xd0\xb1\r\n\r\n" + std::string(2000, 'x'));
    request.original = illegal;
    request.original_size = illegal.size();
    dsn = compose_dsn(request);
    CHECK(broken_rule(dsn.bytes).empty());
    CHECK_FALSE(dsn.eight_bit);
    CHECK(dsn.bytes.find("text/rfc822-headers") != std::string::npos);
}

TEST_CASE("who has mail sent on is not told that it is theirs, and gets the only copy whatever its lines are", "[mail][dsn]")
{
    DsnRequest request = failure();
    request.is_forwarded = true;
    const std::string kept = words_of(compose_dsn(request));
    CHECK(kept.find("A message that your mailbox forwards could not be delivered") != std::string::npos);
    CHECK(kept.find("Your mailbox has a copy of the message.") != std::string::npos);
    CHECK(kept.find("Your message could not") == std::string::npos);
    request.is_only_copy = true;
    request.return_full = true;
    CHECK(words_of(compose_dsn(request)).find("The message comes with this report") != std::string::npos);
    CHECK(parts_of(compose_dsn(request).bytes).at(2) == kOriginal);
    const std::string odd = "Subject: a\r\n\r\n" + std::string(2000, 'x') + "\r\n";
    request.original = odd;
    request.original_size = odd.size();
    const Dsn dsn = compose_dsn(request);
    CHECK(broken_rule(dsn.bytes).empty());
    CHECK(dsn.bytes.find("Content-Type: application/octet-stream") != std::string::npos);
    CHECK(decode_transfer(parts_of(dsn.bytes).at(2), TransferEncoding::base64) == odd);
}

TEST_CASE("I5: UTF-8 addresses stand as they are in a global report and as escapes in a plain one", "[mail][dsn][I5]")
{
    DsnRequest request = failure();
    request.recipients[0].address = "б@пример.рф";
    request.recipients[0].original = "utf-8;б@x.example";
    request.recipients[0].said = "нет такого";
    const auto plain = parse_delivery_status(parts_of(compose_dsn(request).bytes).at(1));
    CHECK(status_field(plain.recipients.at(0), "Final-Recipient").starts_with("utf-8; \\x{431}@\\x{43F}"));
    CHECK(status_field(plain.recipients.at(0), "Diagnostic-Code") == "smtp; 550 5.1.1 ??? ??????");
    request.smtputf8 = true;
    const Dsn dsn = compose_dsn(request);
    CHECK(dsn.smtputf8);
    CHECK(dsn.bytes.find("message/global-delivery-status") != std::string::npos);
    const auto global = parse_delivery_status(parts_of(dsn.bytes).at(1));
    CHECK(status_field(global.recipients.at(0), "Final-Recipient") == "utf-8; б@пример.рф");
    CHECK(status_field(global.recipients.at(0), "Original-Recipient") == "utf-8; б@x.example");
    CHECK(status_field(global.recipients.at(0), "Diagnostic-Code") == "smtp; 550 5.1.1 нет такого");
}

TEST_CASE("I5: a remote's megabyte of control bytes stays words", "[mail][dsn][I5]")
{
    DsnRequest request = failure();
    std::string said = "550 no\r\n\r\n--=_00112233445566778899\r\nBcc: eve@example.com\r\n\x1b[2J\xff\xfe";
    said.append(1'000'000, 'A');
    request.recipients[0].said = said;
    request.recipients[0].host = said;
    request.recipients[0].address = said;
    request.envelope_id = "evil\r\nBcc: eve";
    request.recipients[0].original = std::string("rfc822;a\0b\r\nBcc:x", 17);
    const std::string header = "Subject: a\r\nMessage-ID: <a\r\n b@c>\r\n\r\n";
    request.original = header;
    const Dsn dsn = compose_dsn(request);
    CHECK(broken_rule(dsn.bytes).empty());
    CHECK(dsn.bytes.size() < 20'000);
    CHECK(dsn.bytes.find("\r\nBcc") == std::string::npos);
    CHECK(dsn.bytes.find('\x1b') == std::string::npos);
    REQUIRE(parts_of(dsn.bytes).size() == 3);
    const auto status = parse_delivery_status(parts_of(dsn.bytes).at(1));
    CHECK(status.recipients.size() == 1);
    CHECK(status_field(status.message, "Original-Envelope-Id") == "evil Bcc: eve");
    CHECK(status_field(status.recipients.at(0), "Original-Recipient") == "rfc822; a b Bcc:x");
}

TEST_CASE("I5: an original that guesses the boundary does not end its part", "[mail][dsn][I5]")
{
    DsnRequest request = failure();
    request.return_full = true;
    const std::string sly = "Subject: a\r\n\r\n--=_00112233445566778899--\r\n--=_00112233445566778899.1\r\n";
    request.original = sly;
    request.original_size = sly.size();
    const auto parts = parts_of(compose_dsn(request).bytes);
    REQUIRE(parts.size() == 3);
    CHECK(parts[2] == sly);
}

TEST_CASE("ten thousand recipients are all in the technical part and some are told to people", "[mail][dsn]")
{
    DsnRequest request = failure();
    request.recipients.assign(10'000, failed_recipient());
    const Dsn dsn = compose_dsn(request);
    CHECK(parse_delivery_status(parts_of(dsn.bytes).at(1)).recipients.size() == 10'000);
    CHECK(words_of(dsn).size() < 80'000);
    CHECK(words_of(dsn).find("9950 more") != std::string::npos);
}

TEST_CASE("what has expired and what an administrator removed is said so", "[mail][dsn]")
{
    DsnRequest request = failure();
    request.recipients[0].has_expired = true;
    request.recipients[0].status = "4.4.1";
    CHECK(dsn_text(request).find("for 5 days") != std::string::npos);
    CHECK(dsn_text(request).find("5 дней") != std::string::npos);
    const auto status = parse_delivery_status(parts_of(compose_dsn(request).bytes).at(1));
    CHECK(status_field(status.recipients.at(0), "Status") == "4.4.1");
    request.recipients[0].by_administrator = true;
    CHECK(dsn_text(request).find("An administrator of this server") != std::string::npos);
}

TEST_CASE("what was never tried is told as such, with the time that it waited", "[mail][dsn]")
{
    DsnRequest request = failure();
    request.arrived = request.now - std::chrono::minutes(1);
    DsnRecipient& recipient = request.recipients[0];
    recipient.is_untried = true;
    recipient.has_expired = true;
    recipient.is_remote = false;
    recipient.code = 0;
    recipient.host.clear();
    recipient.status = "4.4.7";
    recipient.said = "its time was over before it was tried";
    const auto has = [&request](std::string_view words) {
        std::string text = words_of(compose_dsn(request));
        for (auto at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n", at)) text.replace(at, 2, " ");
        for (auto at = text.find("  "); at != std::string::npos; at = text.find("  ")) text.erase(at, 1);
        CAPTURE(text);
        return text.find(words) != std::string::npos;
    };
    CHECK(has("in our own queue, and was not tried yet"));
    CHECK(has("It waited for 1 minute, and the time is up."));
    CHECK(has("его ещё не пробовали отправить"));
    CHECK(has("Оно ждало 1 минуту, и время вышло."));
    CHECK_FALSE(has("again and again"));
    CHECK_FALSE(has("could not be reached"));
    CHECK_FALSE(has("Last tried"));
    const auto status = parse_delivery_status(parts_of(compose_dsn(request).bytes).at(1));
    CHECK(status_field(status.recipients.at(0), "Status") == "4.4.7");
    CHECK(status_field(status.recipients.at(0), "Last-Attempt-Date").empty());
    recipient.action = DsnAction::delayed;
    recipient.has_expired = false;
    recipient.status = "4.0.0";
    recipient.said.clear();
    CHECK(has("in our own queue, and was not tried yet"));
    CHECK_FALSE(has("was not accepted"));
    request.arrived = request.now - std::chrono::minutes(59);
    recipient.is_untried = false;
    recipient.has_expired = true;
    CHECK(has("again and again for 59 minutes"));
    CHECK(has("повторялись 59 минут,"));
    request.arrived = request.now - std::chrono::minutes(60);
    CHECK(has("for 1 hour,"));
}

TEST_CASE("a report says no more than is known, and points to where its words stand", "[mail][dsn]")
{
    DsnRequest request = failure();
    request.recipients[0].status = "5.7.1";
    std::string text = words_of(compose_dsn(request));
    CAPTURE(text);
    CHECK(text.find("Read its words above") > text.find("The server mx.example.net said"));
    CHECK(text.find("Read its words above") != std::string::npos);
    CHECK(text.find("Прочтите его слова выше") != std::string::npos);
    // Of others nothing is known here: whether there are any, and whether they got it.
    CHECK(text.find("everybody") == std::string::npos);
    CHECK(text.find("не всем") == std::string::npos);
    request.recipients[0].action = DsnAction::delayed;
    text = words_of(compose_dsn(request));
    CHECK(text.find("everybody") == std::string::npos);
    CHECK(text.find("не доставлено всем") == std::string::npos);
    request.recipients[0].action = GENERATE(DsnAction::relayed, DsnAction::expanded);
    text = words_of(compose_dsn(request));
    CHECK(text.find("arrived") == std::string::npos);
    CHECK(text.find("дошло") == std::string::npos);
    CHECK(text.find("Your message was handed over") != std::string::npos);
    CHECK(dsn_subject(request) == "Handed over: Lunch");
    request.recipients[0].action = DsnAction::delivered;
    CHECK(words_of(compose_dsn(request)).find("Your message arrived") != std::string::npos);
    CHECK(dsn_subject(request) == "Delivered: Lunch");
}

TEST_CASE("status codes are classed by their detail, and by the reply where they say nothing", "[mail][dsn]")
{
    struct Row {
        std::string_view status;
        unsigned code;
        DsnCause cause;
    };
    const auto row = GENERATE(
        Row{"5.1.1", 550, DsnCause::no_such_mailbox}, Row{"5.2.2", 552, DsnCause::mailbox_full},
        Row{"4.2.2", 452, DsnCause::mailbox_full}, Row{"5.1.2", 0, DsnCause::no_such_domain},
        Row{"4.4.3", 0, DsnCause::host_not_found}, Row{"5.3.4", 552, DsnCause::too_large},
        Row{"5.7.1", 550, DsnCause::refused_by_policy}, Row{"4.7.1", 451, DsnCause::try_later},
        Row{"5.7.26", 550, DsnCause::authentication_failed}, Row{"5.7.10", 0, DsnCause::tls_missing},
        Row{"5.1.10", 556, DsnCause::domain_takes_no_mail}, Row{"5.4.6", 554, DsnCause::loop},
        Row{"5.0.0", 552, DsnCause::mailbox_full}, Row{"", 451, DsnCause::try_later}, Row{"nonsense", 0, DsnCause::other},
        Row{"5.6.7", 553, DsnCause::utf8_not_supported}, Row{"4.4.1", 0, DsnCause::unreachable});
    CAPTURE(row.status, row.code);
    CHECK(classify_status(row.status, row.code) == row.cause);
}

TEST_CASE("words of others lose what moves the eye or the terminal", "[mail][dsn]")
{
    CHECK(tame_text("a\r\n b\tc\x7f" "d", 100) == "a b c d");
    CHECK(tame_text("x\xe2\x80\xaey", 100) == "x y");
    CHECK(tame_text("\xff\xd0", 100) == "\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(tame_text("ббб", 4) == "бб…");
    CHECK(tame_text("   ", 4).empty());
}
