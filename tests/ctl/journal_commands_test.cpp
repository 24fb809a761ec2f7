// journal list and show over a journal on the disk.
#include "ctl/journal_commands.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "ctl/exit_code.hpp"
#include "journal/journal.hpp"
#include "support/temporary_folder.hpp"

using namespace mbx;
using nlohmann::json;

namespace {

struct Shown {
    int code = -1;
    std::string out;
    std::string err;
};

std::string whole(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

template <typename Act>
Shown show(const test::TemporaryFolder& folder, Act act)
{
    const std::string out_path = folder.path("out");
    const std::string err_path = folder.path("err");
    const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int out = ::open(out_path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    const int err = ::open(err_path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    Shown shown;
    {
        ctl::Terminal terminal(in, out, err);
        shown.code = act(terminal);
    }
    for (const int descriptor : {in, out, err}) ::close(descriptor);
    shown.out = whole(out_path);
    shown.err = whole(err_path);
    return shown;
}

ctl::Arguments arguments_for(const test::TemporaryFolder& folder, bool as_json)
{
    ctl::Arguments arguments;
    arguments.data_directory = folder.path();
    arguments.json = as_json;
    return arguments;
}

Shown list(const test::TemporaryFolder& folder, bool as_json)
{
    const auto arguments = arguments_for(folder, as_json);
    return show(folder, [&](ctl::Terminal& terminal) { return ctl::run_journal_list({arguments, terminal}); });
}

Shown show_record(const test::TemporaryFolder& folder, journal::Lsn lsn, bool as_json, const ctl::RecordPrinter& meaning)
{
    auto arguments = arguments_for(folder, as_json);
    arguments.record = lsn;
    return show(folder, [&](ctl::Terminal& terminal) { return ctl::run_journal_show({arguments, terminal}, meaning); });
}

void make_journal(const test::TemporaryFolder& folder)
{
    PosixFileSystem files;
    const SystemClock clock;
    Metrics metrics;
    journal::JournalOptions options;
    options.directory = folder.path("journal");
    options.segment_bytes = 64U << 10U;
    options.mode = WriteMode::buffered;
    auto opened = journal::Journal::open(files, clock, metrics, Log(), options, {});
    REQUIRE(opened);
    for (const char* text : {"one", "two \x1b[31m"}) {
        std::vector<journal::Payload> record;
        record.push_back({text, nullptr});
        REQUIRE((*opened)->wait((*opened)->append(std::move(record))));
    }
    (*opened)->close(1);
}

}  // namespace

TEST_CASE("journal list shows each frame and where the journal ends", "[ctl]")
{
    const test::TemporaryFolder folder;
    make_journal(folder);
    const Shown text = list(folder, false);
    CHECK(text.code == ctl::kDone);
    CHECK(text.out.find("SEGMENT") != std::string::npos);
    CHECK(text.out.find("whole") != std::string::npos);
    const Shown document = list(folder, true);
    const auto parsed = json::parse(document.out);
    CHECK(parsed["end"] == 2);
    CHECK(parsed["checkpoint"] == 1);
    CHECK(parsed["closed"] == false);
    CHECK(parsed["frames"].size() == 3);
    CHECK(parsed["frames"][1]["first"] == 2);
}

TEST_CASE("journal show prints a record with its meaning, and nothing that moves a terminal", "[ctl]")
{
    const test::TemporaryFolder folder;
    make_journal(folder);
    const auto meaning = [](std::string_view payload) { return "means " + std::to_string(payload.size()) + "\n"; };
    const Shown text = show_record(folder, 2, false, meaning);
    CHECK(text.code == ctl::kDone);
    CHECK(text.out.find("means 9\n") != std::string::npos);
    CHECK(text.out.find("74 77 6f 20 1b") != std::string::npos);
    CHECK(text.out.find('\x1b') == std::string::npos);
    const auto parsed = json::parse(show_record(folder, 1, true, {}).out);
    CHECK(parsed["bytes"] == 3);
    CHECK(parsed["head"] == "6f6e65");
    CHECK_FALSE(parsed.contains("meaning"));
}

TEST_CASE("journal commands say what is wrong: no record, no journal, damage", "[ctl]")
{
    const test::TemporaryFolder folder;
    CHECK(list(folder, false).code == ctl::kFailed);
    make_journal(folder);
    const Shown missing = show_record(folder, 99, false, {});
    CHECK(missing.code == ctl::kFailed);
    CHECK(missing.err.find("showing record 99") != std::string::npos);
    std::fstream segment(folder.path("journal/0000000000000001"), std::ios::in | std::ios::out | std::ios::binary);
    segment.seekp(4096 + 96);
    segment.write("damage", 6);
    segment.close();
    const Shown damaged = list(folder, false);
    CHECK(damaged.code == ctl::kFailed);
    CHECK(damaged.out.find("torn") != std::string::npos);
    CHECK(damaged.err.find("offset") != std::string::npos);
}
