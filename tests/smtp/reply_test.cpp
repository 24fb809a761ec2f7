#include "smtp/reply.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "base/ascii.hpp"

namespace mbx::smtp {
namespace {

TEST_CASE("every reply is a line of ASCII with a code of its class and at most 512 octets (RFC 5321 4.5.3.1.5)",
          "[smtp][reply]")
{
    for (const Reply& row : replies()) {
        std::string line;
        append_reply(line, row.id, "detail");
        CAPTURE(line);
        CHECK(line.size() <= 512);
        CHECK(line.ends_with("\r\n"));
        CHECK(std::ranges::none_of(line.substr(0, line.size() - 2),
                                   [](char c) { return ascii::is_control(c) || ascii::is_eight_bit(c); }));
        CHECK(row.code >= 200);
        CHECK(row.code < 600);
        // RFC 3463 section 2: the class of both codes agrees.
        if (!row.enhanced.empty()) CHECK(row.enhanced.front() == '0' + row.code / 100);
    }
}

TEST_CASE("refusals carry an enhanced code; 3xx, the greeting and HELO do not (RFC 2034 4)", "[smtp][reply]")
{
    for (const Reply& row : replies()) {
        CAPTURE(row.code, row.text);
        if (row.code >= 400) CHECK_FALSE(row.enhanced.empty());
        if (row.code / 100 == 3) CHECK(row.enhanced.empty());
    }
}

TEST_CASE("a detail takes its place in the text", "[smtp][reply]")
{
    std::string out;
    append_reply(out, ReplyId::message_accepted, "0123");
    append_reply(out, ReplyId::noop);
    append_reply(out, ReplyId::auth_challenge);
    CHECK(out == "250 2.0.0 0123 accepted\r\n250 2.0.0 ok\r\n334 \r\n");
}

TEST_CASE("docs/smtp.md shows the table of replies as it is", "[smtp][reply]")
{
    std::ifstream file(std::string(MAILBOXD_SOURCE_DIR) + "/docs/smtp.md");
    REQUIRE(file);
    std::stringstream text;
    text << file.rdbuf();
    const std::string table = reply_table_markdown();
    INFO("the table to stand in docs/smtp.md:\n" << table);
    CHECK(text.str().find(table) != std::string::npos);
}

} // namespace
} // namespace mbx::smtp
