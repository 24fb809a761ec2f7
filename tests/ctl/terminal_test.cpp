#include "ctl/terminal.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <thread>

#include "ctl/ctl.hpp"
#include "ctl/exit_code.hpp"

using namespace mbx;

namespace {

// A terminal with a person at its other end.
class Person {
public:
    Person()
    {
        near_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (near_ < 0 || ::grantpt(near_) != 0 || ::unlockpt(near_) != 0) return;
        std::array<char, 128> name{};
        if (::ptsname_r(near_, name.data(), name.size()) == 0) far = ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    Person(const Person&) = delete;
    Person& operator=(const Person&) = delete;
    ~Person()
    {
        if (near_ >= 0) ::close(near_);
        if (far >= 0) ::close(far);
    }
    // Reads the screen until `words` stand on it.
    void await(const std::string& words)
    {
        std::array<char, 256> chunk{};
        while (screen.find(words, seen_) == std::string::npos) {
            const ssize_t got = ::read(near_, chunk.data(), chunk.size());
            if (got <= 0) return;
            screen.append(chunk.data(), static_cast<std::size_t>(got));
        }
        seen_ = screen.find(words, seen_) + words.size();
    }
    void type(const std::string& words) { CHECK(::write(near_, words.data(), words.size()) == static_cast<ssize_t>(words.size())); }

    int far = -1;
    std::string screen;

private:
    int near_ = -1;
    std::size_t seen_ = 0;
};

}  // namespace

TEST_CASE("J6: a secret that is typed does not appear on the screen", "[ctl][J6]")
{
    Person person;
    if (person.far < 0) SKIP("there are no pseudo-terminals here");
    ctl::Terminal terminal(person.far, person.far, person.far);
    CHECK(terminal.is_interactive());
    std::string got;
    std::string name;
    std::thread asking([&] {
        name = *terminal.ask("Name", "preset");
        got = *terminal.ask_secret("Secret");
        terminal.complain("done\n");
    });
    person.await("Name [preset]: ");
    person.type("\n");
    person.await("Secret: ");
    person.type("marker-password\n");
    person.await("done");
    asking.join();
    CHECK(name == "preset");
    CHECK(got == "marker-password");
    CHECK(person.screen.find("marker") == std::string::npos);
}

TEST_CASE("a removal on a terminal is done only after a yes", "[ctl]")
{
    Person person;
    if (person.far < 0) SKIP("there are no pseudo-terminals here");
    ctl::Terminal terminal(person.far, person.far, person.far);
    int code = -1;
    std::thread asking([&] { code = ctl::run({"domain", "remove", "example.org", "--socket", "/nonexistent/s"}, terminal); });
    person.await("Remove the domain example.org? (yes/no) [no]: ");
    person.type("\n");
    person.await("nothing was done");
    asking.join();
    CHECK(code == ctl::kFailed);
}

TEST_CASE("an answer that could not be written is a failure", "[ctl]")
{
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    REQUIRE(full >= 0);
    REQUIRE(null >= 0);
    ctl::Terminal terminal(null, full, null);
    CHECK(ctl::run({"man", "mailboxctl"}, terminal) == ctl::kFailed);
    REQUIRE(terminal.lost_output());
    CHECK(terminal.lost_output()->happened == "No space left on device");
    ::close(full);
    ::close(null);
}
