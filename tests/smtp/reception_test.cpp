#include "smtp/reception.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace mbx::smtp {
namespace {

struct Received {
    std::string stored;
    std::optional<ReplyId> refusal;
    std::uint64_t size = 0;
    bool done = false;
};

Received receive(std::string_view input, const Options& options, std::size_t piece)
{
    Reception reception(options);
    Received result;
    while (!input.empty() && !reception.is_done()) {
        const std::size_t used = reception.feed(input.substr(0, piece));
        result.stored += reception.fresh();
        input.remove_prefix(used);
    }
    result.refusal = reception.refusal();
    result.size = reception.size();
    result.done = reception.is_done();
    return result;
}

TEST_CASE("C5: a message over the limit is cut, swallowed to its end and then refused", "[smtp][reception]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{4096});
    Options options;
    options.max_message_bytes = 100;
    const std::string line = std::string(48, 'x') + "\r\n";
    CHECK_FALSE(receive(line + line + ".\r\n", options, piece).refusal);
    const Received over = receive(line + line + line + "x\r\n.\r\n", options, piece);
    CHECK(over.done);
    CHECK(over.refusal == ReplyId::message_too_large);
    CHECK(over.stored.size() <= 100);
}

TEST_CASE("dots that the protocol added do not count for the size (RFC 1870 5)", "[smtp][reception]")
{
    Options options;
    options.max_message_bytes = 6;
    CHECK_FALSE(receive("..\r\n..\r\n.\r\n", options, 100).refusal);
}

TEST_CASE("the reason of a refusal does not depend on how the bytes were split", "[smtp][reception]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{64}, std::size_t{4096});
    Options options;
    options.max_message_bytes = 40;
    options.max_hops = 2;
    const std::string received = "Received: x\r\n";
    CHECK(receive(received + received + "\r\n.\r\n", options, piece).refusal == std::nullopt);
    CHECK(receive(received + received + received + "\r\n.\r\n", options, piece).refusal == ReplyId::too_many_hops);
    CHECK(receive(received + received + received + "\r\n\n.\r\n\r\n.\r\n", options, piece).refusal ==
          ReplyId::bare_newline);
    const std::string nul = received + "\n" + std::string(1, '\0') + std::string(60, 'x') + "\r\n.\r\n";
    CHECK(receive(nul, options, piece).refusal == ReplyId::nul_byte);
}

TEST_CASE("D1: a header over its budget of bytes or fields is refused", "[smtp][reception]")
{
    Options options;
    options.max_header_bytes = 1000;
    options.max_header_fields = 10;
    std::string many;
    for (int i = 0; i < 11; ++i) many += "To: a\r\n";
    CHECK(receive(many + "\r\n.\r\n", options, 5).refusal == ReplyId::header_too_large);
    CHECK(receive("Subject: " + std::string(1000, 'x') + "\r\n\r\n.\r\n", options, 5).refusal ==
          ReplyId::header_too_large);
    CHECK_FALSE(receive("Subject: x\r\n\r\n" + std::string(2000, 'x') + "\r\n.\r\n", options, 5).refusal);
}

TEST_CASE("a message that begins with white space is known by it", "[smtp][reception]")
{
    Reception reception{Options{}};
    CHECK(reception.feed(" x\r\n.\r\n") == 7);
    CHECK(reception.begins_with_space());
}

} // namespace
} // namespace mbx::smtp
