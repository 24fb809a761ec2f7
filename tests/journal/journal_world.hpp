// A journal in a temporary folder, with small segments, that can be opened again.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "journal/journal.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::test {

inline std::vector<journal::Payload> record_of(std::string head)
{
    std::vector<journal::Payload> one;
    one.push_back({std::move(head), nullptr});
    return one;
}

struct JournalWorld {
    JournalWorld()
    {
        options.directory = folder.path("journal");
        options.segment_bytes = 256U << 10U;
        options.mode = WriteMode::buffered;
    }

    // The error's text; empty when it opened.
    std::string try_open(FileSystem& files)
    {
        seen.clear();
        places.clear();
        journal.reset();
        const auto visit = [this](journal::Lsn lsn, std::string_view payload, const journal::Location& where) {
            if (!seen.empty()) CHECK(seen.rbegin()->first < lsn);
            seen.emplace(lsn, payload);
            places.emplace(lsn, where);
        };
        auto opened = journal::Journal::open(files, clock, metrics, Log(), options, visit);
        if (!opened) return opened.error().text();
        journal = *std::move(opened);
        return {};
    }
    std::string try_open() { return try_open(real); }
    void open() { REQUIRE(try_open() == ""); }
    void reopen() { open(); }

    TemporaryFolder folder;
    PosixFileSystem real;
    SystemClock clock;
    Metrics metrics;
    journal::JournalOptions options;
    std::map<journal::Lsn, std::string> seen;
    std::map<journal::Lsn, journal::Location> places;
    std::unique_ptr<journal::Journal> journal;
};

}  // namespace mbx::test
