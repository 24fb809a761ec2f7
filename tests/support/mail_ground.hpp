// A store with its journal in a directory of a test's own, and how to start it anew as after a crash.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/file_system.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "net/loop.hpp"
#include "net/workers.hpp"
#include "store/store.hpp"

namespace mbx::test {

inline constexpr std::uint32_t kJournalIdentity = 0x5eed;

struct MailJournalWish {
    std::string directory;                // of the journal
    std::uint64_t segment_bytes = 16U << 20U;
    std::function<void()> failed = [] {};
};

inline std::unique_ptr<store::MailJournal> open_mail_journal(net::Loop& loop, FileSystem& files, const Clock& clock,
                                                             Metrics& metrics, MailJournalWish wish)
{
    store::MailJournalOptions options;
    options.journal.directory = std::move(wish.directory);
    options.journal.segment_bytes = wish.segment_bytes;
    options.journal.mode = WriteMode::buffered;
    options.identity = kJournalIdentity;
    auto opened = store::MailJournal::open(loop, files, clock, metrics, Log(), std::move(options), std::move(wish.failed));
    if (!opened) throw std::runtime_error("journal: " + opened.error().text());
    return *std::move(opened);
}

}  // namespace mbx::test
