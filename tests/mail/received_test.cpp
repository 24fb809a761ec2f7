#include "mail/received.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>

#include "mail/header.hpp"

using namespace mbx::mail;

namespace {

ReceivedFacts some_facts()
{
    ReceivedFacts facts;
    facts.helo = "mx.other.example";
    facts.client_address = "192.0.2.1";
    facts.client_name = "host.other.example";
    facts.by = "mail.example.test";
    facts.transmission = {true, true, false, false};
    facts.tls = "TLSv1.3 TLS_AES_128_GCM_SHA256";
    facts.id = "abc123";
    facts.recipient = Mailbox{"user", "example.test", false};
    facts.date = {880127706, -360};
    return facts;
}

}  // namespace

TEST_CASE("a Received field tells how the message came", "[mail][received]")
{
    CHECK(make_received(some_facts()) == "Received: from mx.other.example\r\n\t(host.other.example [192.0.2.1])\r\n"
                                         "\tby mail.example.test with ESMTPS\r\n\t(TLSv1.3 TLS_AES_128_GCM_SHA256)"
                                         " id abc123\r\n\tfor <user@example.test>;\r\n"
                                         "\tFri, 21 Nov 1997 09:55:06 -0600\r\n");
    ReceivedFacts facts = some_facts();
    facts.client_name.clear();
    facts.client_address = "2001:DB8::1";
    facts.helo = "[IPv6:2001:db8::1]";
    facts.tls.clear();
    facts.recipient.reset();
    facts.transmission = {};
    CHECK(make_received(facts) == "Received: from [IPv6:2001:db8::1]\r\n\t([IPv6:2001:db8::1])\r\n"
                                  "\tby mail.example.test with ESMTP id abc123;\r\n"
                                  "\tFri, 21 Nov 1997 09:55:06 -0600\r\n");
}

TEST_CASE("the protocol's name says what was used", "[mail][received]")
{
    CHECK(protocol_name({false, false, false, false}) == "SMTP");
    CHECK(protocol_name({true, false, false, false}) == "ESMTP");
    CHECK(protocol_name({true, false, true, false}) == "ESMTPA");
    CHECK(protocol_name({true, true, false, false}) == "ESMTPS");
    CHECK(protocol_name({true, true, true, false}) == "ESMTPSA");
    CHECK(protocol_name({true, false, false, true}) == "UTF8SMTP");
    CHECK(protocol_name({true, true, true, true}) == "UTF8SMTPSA");
}

TEST_CASE("C3: nothing from outside can end, fold or add a field (D15)", "[mail][C3][D15]")
{
    const auto hostile = GENERATE("x\r\nBcc: a@b", "x)\r\n\r\nbody", "(((", ")", "\\", "a;b", "\"", "x\ny", "\x1b[31m", "",
                                  "héllo", "a b", "-x-", "<script>", "x\ry", "a..b.", "........");
    CAPTURE(hostile);
    ReceivedFacts facts = some_facts();
    facts.helo = facts.client_name = facts.client_address = facts.by = facts.tls = facts.id = hostile;
    facts.recipient = Mailbox{"a b\"c", "d", false};
    const std::string field = make_received(facts) + make_message_id_field(hostile, hostile) + "\r\n";
    const Header header = parse_header(field);
    REQUIRE(header.fields.size() == 2);
    CHECK(header.fields[0].name == "Received");
    CHECK(header.fields[1].name == "Message-ID");
    CHECK(header.body_offset == field.size());
    const std::string line = unfold(header.fields[0].value);
    CHECK(std::ranges::count(line, '(') == std::ranges::count(line, ')'));
    CHECK(std::ranges::count(line, ';') == 1);
    CHECK(std::ranges::none_of(line, [](char c) { return (c < ' ' && c != '\t') || c == 127; }));
}

TEST_CASE("a recipient or HELO in UTF-8 is shown only in a UTF8SMTP message", "[mail][received][C6]")
{
    ReceivedFacts facts = some_facts();
    facts.recipient = Mailbox{"почта", "example.test", true};
    facts.helo = "пример.рф";
    CHECK(make_received(facts).find("почта") == std::string::npos);
    CHECK(make_received(facts).find("пример") == std::string::npos);
    facts.transmission.smtputf8 = true;
    CHECK(make_received(facts).find("for <почта@example.test>") != std::string::npos);
    CHECK(make_received(facts).find("from пример.рф") != std::string::npos);
}

TEST_CASE("submission's fields are well-formed", "[mail][received]")
{
    CHECK(make_return_path({}) == "Return-Path: <>\r\n");
    CHECK(make_return_path(Mailbox{"a b", "d", false}) == "Return-Path: <\"a b\"@d>\r\n");
    CHECK(make_date_field({0, 0}) == "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n");
    CHECK(make_message_id_field("abc.1", "Host.Example") == "Message-ID: <abc.1@host.example>\r\n");
}
