// COMPRESS=DEFLATE (RFC 4978) in a session; HOSTILE row E7.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"
#include "net/deflate_stream.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

co::Task<void> hear_deflated(net::ByteStream& stream, std::string& into, bool& is_over)
{
    std::string chunk(4096, '\0');
    while (true) {
        const auto got = co_await stream.read_some(chunk, net::Deadline::never());
        if (!got || *got == 0) break;
        into += chunk.substr(0, *got);
    }
    is_over = true;
}

co::Task<void> tell_deflated(net::ByteStream& stream, std::string text)
{
    (void)co_await stream.write(text, net::Deadline::never());
}

// A client that has logged in and said COMPRESS DEFLATE; what it says from here on is compressed.
class Compressing {
public:
    explicit Compressing(World& world, const std::string& behind_compress = {}) : world_(world)
    {
        scope_.spawn(world.server->serve(std::move(pipe_.near), false));
        world.loop.run();
        (void)clear();
        scope_.spawn(tell_deflated(*pipe_.far, "l LOGIN ann@example.org secret\r\n"));
        world.loop.run();
        (void)clear();
        scope_.spawn(tell_deflated(*pipe_.far, "c COMPRESS DEFLATE\r\n" + behind_compress));
        world.loop.run();
        answer = clear();
        stream_ = std::make_unique<net::DeflateStream>(std::move(pipe_.far), "");
        scope_.spawn(hear_deflated(*stream_, heard, is_over));
    }
    Compressing(const Compressing&) = delete;
    Compressing& operator=(const Compressing&) = delete;
    ~Compressing()
    {
        stream_->close();
        world_.loop.run();
    }
    std::string say(const std::string& text)
    {
        heard.clear();
        scope_.spawn(tell_deflated(*stream_, text));
        world_.loop.run();
        return heard;
    }

    std::string answer;
    std::string heard;
    bool is_over = false;

private:
    std::string clear()
    {
        std::string chunk(8192, '\0');
        if (pipe_.far->unread() == 0) return {};
        const auto got = test::run_ready(pipe_.far->read_some(chunk, net::Deadline::never()));
        return chunk.substr(0, got ? *got : 0);
    }
    World& world_;
    test::MemoryPipe pipe_;
    std::unique_ptr<net::ByteStream> stream_;
    co::Scope scope_;
};

bool says(const std::string& heard, std::string_view what) { return heard.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("RFC 4978 3: everything behind the OK is compressed, both ways", "[imap][compress]")
{
    World world;
    Compressing client(world);
    CHECK(client.answer == "c OK DEFLATE active\r\n");
    CHECK(client.say("d NOOP\r\n") == "d OK NOOP completed\r\n");
    const auto body = message("compressed", std::string(100'000, 'x') + "\r\n");
    CHECK(says(client.say("e APPEND INBOX {" + std::to_string(body.size()) + "+}\r\n" + body + "\r\n"), "e OK [APPENDUID"));
    CHECK(says(client.say("f SELECT INBOX\r\ng FETCH 1 BODY.PEEK[]\r\n"), body + ")\r\ng OK"));
    CHECK(client.say("h IDLE\r\n") == "+ idling\r\n");
    CHECK(says(client.say("DONE\r\n"), "h OK"));
    CHECK(says(client.say("i LOGOUT\r\n"), "i OK LOGOUT completed\r\n"));
    CHECK(client.is_over);
}

TEST_CASE("RFC 4978 3: COMPRESS is offered behind the log-in and until it is active", "[imap][compress]")
{
    World world;
    {
        Client client(world);
        CHECK_FALSE(says(client.greeting, "COMPRESS"));
        CHECK(client.ask("a COMPRESS DEFLATE").starts_with("BAD"));
        client.log_in();
        CHECK(says(client.say("b CAPABILITY\r\n"), " COMPRESS=DEFLATE"));
        CHECK(client.ask("c COMPRESS LZMA").starts_with("BAD"));
        CHECK(client.ask("d COMPRESS").starts_with("BAD"));
    }
    Compressing client(world);
    const auto now = client.say("e CAPABILITY\r\n");
    CHECK_FALSE(says(now, "COMPRESS"));
    CHECK_FALSE(says(now, "UNAUTHENTICATE"));
    CHECK(says(client.say("f UNAUTHENTICATE\r\n"), "f BAD"));
    CHECK(says(client.say("g STARTTLS\r\n"), "g BAD"));
}

TEST_CASE("E7: a second COMPRESS is NO [COMPRESSIONACTIVE]", "[imap][compress][hostile]")
{
    World world;
    Compressing client(world);
    CHECK(client.say("d COMPRESS DEFLATE\r\n").starts_with("d NO [COMPRESSIONACTIVE]"));
    CHECK(client.say("e NOOP\r\n") == "e OK NOOP completed\r\n");
}

TEST_CASE("E7: what is sent in clear behind COMPRESS is never carried out", "[imap][compress][hostile]")
{
    World world;
    Compressing client(world, "d CREATE injected\r\n");
    world.loop.run();
    CHECK(client.answer == "c OK DEFLATE active\r\n");
    CHECK(client.is_over);
    Client other(world);
    other.log_in();
    CHECK_FALSE(says(other.say("a LIST \"\" *\r\n"), "injected"));
}

TEST_CASE("E7: inflated bytes count against the bounds of a command", "[imap][compress][hostile]")
{
    World world;
    Compressing client(world);
    const auto said = client.say("d " + std::string(1'000'000, 'x') + "\r\n");
    CHECK(says(said, "BAD [TOOBIG] line too long\r\n* BYE"));
    CHECK(client.is_over);
}

TEST_CASE("COMPRESS is not offered where the administrator switched it off", "[imap][compress]")
{
    auto options = test_options();
    options.compression = Compression::off;
    World world(options);
    Client client(world);
    client.log_in();
    CHECK_FALSE(says(client.say("a CAPABILITY\r\n"), "COMPRESS"));
    CHECK(client.ask("b COMPRESS DEFLATE").starts_with("NO [CANNOT]"));
}
