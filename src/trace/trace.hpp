// The trace: what befell every message, written behind the mail's back, and asked by administrators (docs/trace.md).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "co/event.hpp"
#include "co/scope.hpp"
#include "co/task.hpp"
#include "net/loop.hpp"
#include "net/workers.hpp"
#include "trace/recorder.hpp"
#include "trace/rows.hpp"

namespace mbx::trace {

// A raw Subject: field as people read it (mail::decode_encoded_words); called on a worker.
using ReadSubject = std::function<std::string(std::string_view)>;

struct TraceOptions {
    std::chrono::milliseconds keep{std::chrono::hours(24 * 90)};  // 0: nothing is recorded, and nothing removed
    std::uint64_t most_bytes = 2ULL << 30;  // of trace.db

    std::chrono::milliseconds interval{1000};                             // of writing, while there is something to write
    std::size_t batch = 4000;                                             // writes at once when so many wait
    std::size_t most_waiting = 50'000;                                    // events in memory; more are dropped and counted
    std::size_t most_waiting_bytes = 16U << 20;
    std::chrono::milliseconds retain_interval{std::chrono::minutes(10)};
    std::chrono::milliseconds look_interval{std::chrono::minutes(1)};     // whether a file that was set aside still lies there
};

// Everything but record() on the loop. The ground outlives it.
class Trace final : public Recorder {
public:
    struct Ground {
        net::Loop& loop;
        net::Workers& workers;
        FileSystem& files;
        const Clock& clock;
        Metrics& metrics;
        Log log;
        std::string path;  // of trace.db
        ReadSubject read_subject{};  // may be none
    };
    Trace(Ground ground, TraceOptions options);
    ~Trace() override;  // after stop(), if it was started

    // Any thread; a short lock and a push. Never waits for the disk, never fails: what has no room is counted and told.
    void record(Event event) override;
    // What encode_events() made, read back from the journal at the start: what of it is not there yet is written, before all else.
    // Loop.
    void record_again(std::vector<std::string> encoded);
    // As flush(); at once where the file cannot be written for now. Loop.
    co::Task<void> settle() override;

    void start();
    // After a reload: how long and how much is kept. Loop.
    void set_options(const TraceOptions& options);
    // Writes what waits, and ends. Nothing is recorded from then on.
    co::Task<void> stop();
    // Until what was recorded before is written, or could not be.
    co::Task<void> flush();
    // Sentences for health; empty: all is well. Loop.
    std::vector<std::string> complaints() const;

    // Each sees what was recorded before.
    co::Task<Result<SearchAnswer, Error>> search(SearchQuery query);
    // `about`: the recipient who is asked for (MessageStory::about); empty: none.
    co::Task<Result<std::optional<MessageStory>, Error>> story(std::string id, std::string about);
    co::Task<Result<SloAnswer, Error>> slo(SloQuery query);

private:
    struct Waiting;  // what record() fills
    struct Writer;   // the file, on a strand
    co::Task<void> keep_writing();
    co::Task<void> keep_retaining();
    co::Task<void> keep_looking();
    struct Batch;
    Batch take_batch();
    void put_back(Batch batch);
    bool has_earlier() const;
    co::Task<bool> write_once();
    void note_set_aside();
    void tell_drops();
    Ground ground_;
    TraceOptions options_;
    std::shared_ptr<Waiting> waiting_;
    std::unique_ptr<Writer> writer_;
    net::Strand strand_;
    net::Timer write_timer_;
    net::Timer retain_timer_;
    net::Timer look_timer_;
    co::Event written_;
    co::Scope tasks_;
    std::atomic<bool> is_recording_;
    bool is_stopping_ = false;
    bool is_writing_ = false;
    bool is_aside_there_ = false;
    bool was_failing_ = false;
    SteadyTime next_drop_word_{};
    std::uint64_t told_drops_ = 0;
    std::uint64_t noted_aside_ = 0;  // how often it was set aside, at the last look
    Counter& recorded_;
    Counter& dropped_;
    Gauge& failing_;
    Gauge& set_aside_;
};

}  // namespace mbx::trace
