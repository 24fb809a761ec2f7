// The generated texts. With MAILBOXD_REGENERATE in the environment the files in the tree are written anew first.
#include "config/reference.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "config/declaration.hpp"
#include "config/load.hpp"

using namespace mbx::config;

namespace {

const std::string kSource = MAILBOXD_SOURCE_DIR;
constexpr std::string_view kBegin = "<!-- generated from src/config/declarations.cpp: begin -->\n";
constexpr std::string_view kEnd = "<!-- generated: end -->\n";

std::string read(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

bool regenerates() { return std::getenv("MAILBOXD_REGENERATE") != nullptr; }

}  // namespace

TEST_CASE("conf/mailboxd.toml is what the table of settings says", "[config]")
{
    const std::string path = kSource + "/conf/mailboxd.toml";
    if (regenerates()) std::ofstream(path, std::ios::binary) << example_file();
    CHECK(read(path) == example_file());
}

TEST_CASE("the reference in docs/configuration.md is what the table of settings says", "[config]")
{
    const std::string path = kSource + "/docs/configuration.md";
    std::string text = read(path);
    const auto begin = text.find(kBegin);
    const auto end = text.find(kEnd);
    REQUIRE(begin != std::string::npos);
    REQUIRE(end != std::string::npos);
    const auto start = begin + kBegin.size();
    if (regenerates()) {
        text.replace(start, end - start, markdown_reference());
        std::ofstream(path, std::ios::binary) << text;
        SUCCEED();
        return;
    }
    CHECK(text.substr(start, end - start) == markdown_reference());
}

TEST_CASE("the example file is valid as it stands and with every key switched on, and both mean the defaults", "[config]")
{
    const auto as_is = parse(example_file(), "example");
    REQUIRE(as_is);
    CHECK(diff_live(defaults(), as_is->settings).empty());
    CHECK(as_is->origins.empty());

    std::string switched_on;
    std::istringstream lines(example_file());
    for (std::string line; std::getline(lines, line);)
        switched_on += (line.starts_with("#") && !line.starts_with("# ") ? line.substr(1) : line) + "\n";
    const auto all = parse(switched_on, "example");
    REQUIRE(all);
    CHECK(all->origins.size() == declarations().size());
    CHECK(diff_live(defaults(), all->settings).empty());
}

TEST_CASE("a file written with answers sets these keys and no others", "[config]")
{
    const auto loaded = parse(configuration_file({{"server.hostname", toml_text("mx.example.org")},
                                                  {"server.data_directory", toml_text("/srv/\"odd\" \\ path")}}),
                              "made");
    REQUIRE(loaded);
    CHECK(loaded->origins.size() == 2);
    CHECK(loaded->settings.server.hostname == "mx.example.org");
    CHECK(loaded->settings.server.data_directory == "/srv/\"odd\" \\ path");
}

TEST_CASE("the manual page names every key and holds no line that roff would take for a request by accident", "[config]")
{
    const std::string page = manual_page({"1.2.3", "2026-01-31"});
    CHECK(page.starts_with(".TH MAILBOXD.TOML 5 \"2026\\-01\\-31\" \"mailboxd 1.2.3\""));
    for (const Declaration& row : declarations()) {
        CAPTURE(row.key);
        CHECK(page.find("\n\\fB" + std::string(row.name()) + " = ") != std::string::npos);
    }
    CHECK(page.find("listen = [\"0.0.0.0:25\", \"[::]:25\"]\\fR\n") != std::string::npos);
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK_FALSE(line.starts_with("'"));
        const bool is_request = line.starts_with(".");
        const bool is_known = line.starts_with(".TH ") || line.starts_with(".SH ") || line == ".TP" || line == ".PP" ||
                              line == ".br" || line.starts_with(".B ") || line.starts_with(".BR ");
        CHECK((!is_request || is_known));
        const bool is_ascii = std::ranges::none_of(line, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
        CHECK(is_ascii);
    }
}
