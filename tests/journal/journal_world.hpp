// A journal in a temporary folder, with small segments, that can be opened again.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
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

    // Appends, when need be after the preparing thread has made room.
    journal::Lsn append(const std::string& head)
    {
        while (true) {
            const journal::Lsn lsn = journal->append(record_of(head));
            if (lsn != 0 || journal->has_failed()) return lsn;
            std::this_thread::yield();
        }
    }
    // On the disk, in a frame of its own.
    journal::Lsn commit(const std::string& head)
    {
        const journal::Lsn lsn = append(head);
        REQUIRE(lsn != 0);
        REQUIRE(journal->wait(lsn));
        return lsn;
    }
    std::int64_t segments(const char* state)
    {
        return metrics.gauge("mailboxd_journal_segments", "", std::string("state=\"") + state + "\"").value();
    }
    // Until the preparing thread has nothing to do.
    void await_ready()
    {
        while (segments("ready") < 2) std::this_thread::yield();
    }
    std::vector<journal::FrameInfo> frames()
    {
        std::vector<journal::FrameInfo> all;
        const auto keep = [&all](const journal::FrameInfo& frame) { all.push_back(frame); };
        (void)journal::inspect(real, options.directory, keep, {});
        return all;
    }
    std::string segment(std::uint64_t number) const
    {
        std::string digits = std::to_string(number);
        return options.directory + "/" + std::string(16 - digits.size(), '0') + digits;
    }
    // Overwrites bytes of a segment while no journal is open.
    void patch(std::uint64_t number, std::uint64_t offset, std::string_view bytes) const
    {
        std::fstream file(segment(number), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(offset));
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        file.flush();
        REQUIRE(file.good());
    }
    std::string bytes_of(std::uint64_t number, std::uint64_t offset, std::size_t count) const
    {
        std::ifstream file(segment(number), std::ios::binary);
        std::string bytes(count, '\0');
        file.seekg(static_cast<std::streamoff>(offset));
        file.read(bytes.data(), static_cast<std::streamsize>(count));
        REQUIRE(file.good());
        return bytes;
    }
    // The directory as it is, aside and back.
    void save() const
    {
        std::filesystem::remove_all(folder.path("saved"));
        std::filesystem::copy(options.directory, folder.path("saved"), std::filesystem::copy_options::recursive);
    }
    void restore()
    {
        journal.reset();
        std::filesystem::remove_all(options.directory);
        std::filesystem::copy(folder.path("saved"), options.directory, std::filesystem::copy_options::recursive);
    }

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
