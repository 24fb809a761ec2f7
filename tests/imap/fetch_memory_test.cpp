// What one slice of FETCH holds in memory, however often a command asks for the same: about a message, or the bytes of a slice.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>

#include "imap/fetch.hpp"
#include "imap/fetch_bodies.hpp"
#include "imap/parser.hpp"
#include "imap/world.hpp"
#include "mail/transfer_encoding.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

constexpr std::size_t kAround = 64UL * 1024;  // labels and small texts

std::string repeated(std::string_view item, std::size_t times)
{
    std::string all = "(" + std::string(item);
    for (std::size_t i = 1; i < times; ++i) all += " " + std::string(item);
    return all + ")";
}

FetchPlan plan_of(const std::string& items)
{
    const auto command = parse_command("a FETCH 1:* " + items, false);
    REQUIRE(command);
    return make_fetch_plan(std::get<Fetch>(command->request), true);
}

// Texts, and of what pieces are in, each byte once: files and decoded parts.
std::size_t held(const FetchSlice& slice)
{
    std::size_t bytes = 0;
    std::map<const void*, std::pair<const char*, const char*>> spans;
    for (const auto& segment : slice.segments) {
        bytes += segment.text.size() + segment.pieces.size() * sizeof(std::string_view);
        for (const auto piece : segment.pieces) {
            auto& span = spans.try_emplace(segment.owner.get(), piece.data(), piece.data()).first->second;
            span.first = std::min(span.first, piece.data());
            span.second = std::max(span.second, piece.data() + piece.size());
        }
    }
    for (const auto& [owner, span] : spans) bytes += static_cast<std::size_t>(span.second - span.first);
    return bytes;
}

std::string said(const FetchSlice& slice)
{
    std::string all;
    for (const auto& segment : slice.segments) {
        all += segment.text;
        for (const auto piece : segment.pieces) all += piece;
    }
    return all;
}

template <typename Job>
auto on_strand(World& world, Job job)
{
    auto account = test::run_on(world.loop, world.store->account({1, "ann", "example.org"}));
    REQUIRE(account);
    return test::run_on(world.loop, (*account)->run(net::WorkClass::interactive, std::move(job)));
}

std::string said(const std::vector<FetchSlice>& slices)
{
    std::string all;
    for (const auto& slice : slices) all += said(slice);
    return all;
}

// A mailbox, and what the slices of a FETCH over all of it are.
class Mailbox {
public:
    Mailbox() : client(world) { client.log_in(); }

    // The slices of the strand.
    std::vector<FetchSlice> slices(const std::string& items)
    {
        const FetchPlan plan = plan_of(items);
        auto job = [&plan](store::AccountStore& store) {
            const auto id = store.find("INBOX")->id;
            const store::UidTable view(*store.uids(id));
            std::vector<FetchSlice> all;
            for (NumberSet left = view.uids(); !left.empty(); left = behind(left, all.back().done_until)) {
                all.push_back(fetch_slice(store, id, view, plan, left));
                if (all.back().failure) break;
            }
            return all;
        };
        return on_strand(world, std::move(job));
    }
    FetchSlice slice_beside(const std::string& items)
    {
        const FetchPlan plan = plan_of(items);
        REQUIRE(may_read_beside(plan));
        auto job = [&plan](store::AccountStore& store) {
            const auto id = store.find("INBOX")->id;
            const store::UidTable view(*store.uids(id));
            const auto listing = list_bodies(store, id, view, view.uids());
            return read_bodies(listing->first, plan, listing->load, listing->done_until, {});
        };
        return on_strand(world, std::move(job));
    }
    void fill_columns()
    {
        auto job = [](store::AccountStore& store) {
            while (*store.fill_columns(std::chrono::milliseconds(50))) continue;
            return true;
        };
        REQUIRE(on_strand(world, std::move(job)));
    }

    World world;
    Client client;
};

std::string bytes_of_all_kinds(std::size_t size)
{
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(1 + i * 7 % 255);
    return bytes;
}

std::string counted(std::string_view label, std::string_view text, std::string_view before = " {")
{
    return std::string(label) + std::string(before) + std::to_string(text.size()) + "}\r\n" + std::string(text);
}

}  // namespace

TEST_CASE("RFC 3516 4.3: a part that is asked for many times is decoded and held once", "[imap][fetch]")
{
    const bool has_nul = GENERATE(false, true);
    CAPTURE(has_nul);
    std::string bytes = bytes_of_all_kinds(75'000);
    if (has_nul) bytes.at(40'000) = '\0';
    const std::string header = "Subject: large\r\nMIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    const std::string message = header + mail::encode_base64_lines(bytes);
    Mailbox mailbox;
    mailbox.client.append(message);
    const auto slices = mailbox.slices(repeated("BINARY.PEEK[1] BINARY.PEEK[] BINARY.PEEK[1]<30000.20000> BINARY.PEEK[1]<50000.20000> "
                                                "BINARY.PEEK[]<10.90> BINARY.PEEK[]<50.30000> BINARY.SIZE[1]", 50));
    REQUIRE(slices.size() == 1);
    CHECK(held(slices.front()) < 2 * message.size() + kAround);

    const std::string_view nul = has_nul ? " ~{" : " {";
    const std::string whole = header + bytes;
    const std::string items = counted("BINARY[1]", bytes, nul) + " " + counted("BINARY[]", whole, nul) + " " +
                              counted("BINARY[1]<30000>", bytes.substr(30'000, 20'000), nul) + " " +
                              counted("BINARY[1]<50000>", bytes.substr(50'000, 20'000)) + " " +
                              counted("BINARY[]<10>", whole.substr(10, 90)) + " " +
                              counted("BINARY[]<50>", whole.substr(50, 30'000)) + " BINARY.SIZE[1] 75000";
    const std::string all = "* 1 FETCH " + repeated(items, 50) + "\r\n";
    CHECK((said(slices.front()) == all));  // in brackets: a failure does not print it
}

TEST_CASE("RFC 3516 4.3: what needs no decoding is told from the file, however parts nest", "[imap][fetch]")
{
    const std::string text = bytes_of_all_kinds(100'000);
    std::string message = "Subject: inmost\r\n\r\n" + text;
    std::string items = "BINARY.PEEK[]";
    std::string path;
    for (int depth = 0; depth < 40; ++depth) {
        message = "Subject: around\r\nContent-Type: multipart/mixed; boundary=b" + std::to_string(depth) + "\r\n\r\n--b" +
                  std::to_string(depth) + "\r\nContent-Type: message/rfc822\r\n\r\n" + message + "\r\n--b" + std::to_string(depth) +
                  "--\r\n";
        path += depth == 0 ? "1" : ".1";
        items += " BINARY.PEEK[" + path + "]";
    }
    Mailbox mailbox;
    mailbox.client.append(message);
    const auto slices = mailbox.slices("(" + items + ")");
    REQUIRE(slices.size() == 1);
    CHECK(held(slices.front()) < 2 * message.size() + kAround);
    const auto plain = mailbox.slices([&items] {
        std::string body = "(" + items + ")";
        for (auto at = body.find("BINARY"); at != std::string::npos; at = body.find("BINARY", at)) body.replace(at, 6, "BODY");
        return body;
    }());
    auto answer = said(plain.front());
    for (auto at = answer.find("BODY["); at != std::string::npos; at = answer.find("BODY[", at)) answer.replace(at, 4, "BINARY");
    CHECK((said(slices.front()) == answer));
}

TEST_CASE("an envelope or a structure that is asked for many times is held once where it is long", "[imap][fetch]")
{
    const std::string message = "Subject: " + std::string(100'000, 's') + "\r\nContent-Type: text/plain; name=\"" + std::string(50'000, 'n') +
                                "\"\r\n\r\ntext\r\n";
    Mailbox mailbox;
    mailbox.client.append(message);
    const auto once = mailbox.slices("(ENVELOPE BODY BODYSTRUCTURE)");
    const auto item = said(once.front());
    constexpr std::string_view kBefore = "* 1 FETCH (";
    const auto items = item.substr(kBefore.size(), item.size() - kBefore.size() - 3);
    CHECK(items.size() > 150'000);
    const auto often = mailbox.slices(repeated("ENVELOPE BODY BODYSTRUCTURE", 50));
    CHECK(held(often.front()) < 4 * message.size());
    CHECK((said(often.front()) == "* 1 FETCH " + repeated(items, 50) + "\r\n"));
}

TEST_CASE("a slice ends before the next message when its answers are as long as its messages may be", "[imap][fetch]")
{
    const auto items = GENERATE(as<std::string>(), "BODY.PEEK[TEXT]", "BINARY.PEEK[1]", "BODY.PEEK[HEADER]", "ENVELOPE", "BODYSTRUCTURE FLAGS",
                                "BODY.PEEK[HEADER.FIELDS (Subject)]", "PREVIEW UID");
    const bool is_parsed = GENERATE(false, true);
    CAPTURE(items, is_parsed);
    Mailbox mailbox;
    const std::string message = "Subject: " + std::string(6'000, 's') + "\r\nContent-Type: text/plain; name=\"" + std::string(4'000, 'n') +
                                "\"\r\n\r\n" + std::string(6'000, 't') + "\r\n";
    for (int i = 0; i < 30; ++i) mailbox.client.append(message);
    if (is_parsed) mailbox.fill_columns();
    const auto slices = mailbox.slices(repeated(items, 400));
    for (const auto& slice : slices) {
        CHECK(held(slice) <= kBytesAtOnce + 400 * message.size());
        CHECK(slice.missing.empty());
    }
    std::string expected;
    const auto once = said(mailbox.slices("(" + items + ")"));
    for (std::size_t from = 0, number = 1; number <= 30; ++number) {
        const auto next = number == 30 ? once.size() : once.find("* " + std::to_string(number + 1) + " FETCH", from);
        const auto begin = "* " + std::to_string(number) + " FETCH (";
        const auto item = once.substr(from + begin.size(), next - from - begin.size() - 3);
        expected += "* " + std::to_string(number) + " FETCH " + repeated(item, 400) + "\r\n";
        from = next;
    }
    CHECK((said(slices) == expected));
}

TEST_CASE("a slice that is read beside the strand ends there too", "[imap][fetch]")
{
    Mailbox mailbox;
    const auto message = imap::message("small", std::string(7'000, 't') + "\r\n");
    for (int i = 0; i < 30; ++i) mailbox.client.append(message);
    const auto slice = mailbox.slice_beside(repeated("BODY.PEEK[]", 400));
    CHECK(held(slice) <= kBytesAtOnce + 400 * message.size());
    CHECK(slice.done_until >= 1);
    CHECK(slice.done_until < 30);
}
