#include "trace/trace.hpp"

#include <deque>
#include <iterator>
#include <mutex>
#include <utility>

#include "trace/event_record.hpp"
#include "trace/trace_file.hpp"
#include "trace/trace_reader.hpp"

namespace mbx::trace {

namespace {

// What an event takes in memory, about.
std::size_t weight(const Event& event)
{
    std::size_t bytes = sizeof(Event) + event.id.size() + event.recipient.size() + event.detail.size();
    for (const auto& [name, value] : event.facts) bytes += sizeof(event.facts[0]) + name.size() + value.size();
    return bytes;
}

// Nothing has been recorded yet.
bool is_absent(FileSystem& files, const std::string& path)
{
    const auto info = files.info(path);
    return !info && info.error().is_absent();
}

}  // namespace

struct Trace::Waiting {
    std::mutex mutex;
    std::deque<std::string> earlier;  // encoded, of the last run: bounded by the journal
    std::vector<Event> events;
    std::size_t bytes = 0;
    bool is_open = true;   // false after stop()
    bool is_awake = false; // the loop has been told that something waits
    bool is_hurried = false;
    // Loop thread only.
    co::Event wake;
    net::Timer* timer = nullptr;  // cancelled when a batch is full
};

// What one transaction takes.
struct Trace::Batch {
    std::vector<std::string> earlier;
    std::vector<Event> events;
};

struct Trace::Writer {
    explicit Writer(const Ground& ground) : file(ground.files, ground.path, ground.log, ground.read_subject) {}
    TraceFile file;
};

Trace::Trace(Ground ground, TraceOptions options)
    : ground_(std::move(ground)), options_(options), waiting_(std::make_shared<Waiting>()),
      writer_(std::make_unique<Writer>(ground_)), strand_(ground_.workers),
      write_timer_(ground_.loop), retain_timer_(ground_.loop), look_timer_(ground_.loop),
      is_recording_(options.keep.count() != 0),
      recorded_(ground_.metrics.counter("mailboxd_trace_events_total", "Events of messages that were written to the trace.")),
      dropped_(ground_.metrics.counter("mailboxd_trace_dropped_total", "Events that were not written to the trace.")),
      failing_(ground_.metrics.gauge("mailboxd_trace_failing", "1 while the trace cannot be written.")),
      set_aside_(ground_.metrics.gauge("mailboxd_trace_set_aside", "How often the trace was set aside as damaged since the start."))
{
    waiting_->timer = &write_timer_;
}

Trace::~Trace() { waiting_->timer = nullptr; }

void Trace::record(Event event)
{
    if (!is_recording_.load(std::memory_order_relaxed)) return;
    const std::size_t bytes = weight(event);
    bool must_wake = false;
    {
        const std::lock_guard lock(waiting_->mutex);
        const bool has_room =
            waiting_->events.size() < options_.most_waiting && waiting_->bytes + bytes <= options_.most_waiting_bytes;
        if (!waiting_->is_open || !has_room) {
            dropped_.add();
            return;
        }
        waiting_->events.push_back(std::move(event));
        waiting_->bytes += bytes;
        const bool is_first = !std::exchange(waiting_->is_awake, true);
        const bool is_full = waiting_->events.size() >= options_.batch && !std::exchange(waiting_->is_hurried, true);
        must_wake = is_first || is_full;
    }
    if (!must_wake) return;
    ground_.loop.post([waiting = std::weak_ptr<Waiting>(waiting_)] {
        const auto alive = waiting.lock();
        if (!alive || alive->timer == nullptr) return;
        {
            const std::lock_guard lock(alive->mutex);
            if (alive->is_hurried) alive->timer->cancel();
        }
        alive->wake.notify_all();
    });
}

void Trace::start()
{
    tasks_.spawn(keep_writing());
    tasks_.spawn(keep_retaining());
    tasks_.spawn(keep_looking());
}

void Trace::set_options(const TraceOptions& options)
{
    options_.keep = options.keep;
    options_.most_bytes = options.most_bytes;
    is_recording_ = options.keep.count() != 0;
    retain_timer_.cancel();
}

co::Task<void> Trace::keep_writing()
{
    while (!is_stopping_) {
        bool is_idle = false;
        {
            const std::lock_guard lock(waiting_->mutex);
            is_idle = waiting_->events.empty() && waiting_->earlier.empty();
            if (is_idle) waiting_->is_awake = false;
        }
        if (is_idle) {
            co_await waiting_->wake.wait();
            continue;
        }
        bool is_hurried = false;
        {
            const std::lock_guard lock(waiting_->mutex);
            is_hurried = waiting_->is_hurried;
        }
        if (!is_hurried) (void)co_await write_timer_.wait(options_.interval);
        if (is_stopping_) co_return;
        const bool is_good = co_await write_once();
        // A disk without room, or a lock: not again at once.
        constexpr auto kRest = std::chrono::seconds(2);
        if (!is_good && !is_stopping_) (void)co_await write_timer_.wait(kRest);
    }
}

void Trace::record_again(std::vector<std::string> encoded)
{
    if (!is_recording_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(waiting_->mutex);
    for (auto& one : encoded) waiting_->earlier.push_back(std::move(one));
}

bool Trace::has_earlier() const
{
    const std::lock_guard lock(waiting_->mutex);
    return !waiting_->earlier.empty();
}

// What the last run left comes first.
Trace::Batch Trace::take_batch()
{
    constexpr std::size_t kMostEarlier = 500;
    Batch batch;
    const std::lock_guard lock(waiting_->mutex);
    if (waiting_->earlier.empty()) {
        batch.events.swap(waiting_->events);
        waiting_->bytes = 0;
        waiting_->is_hurried = false;
        return batch;
    }
    while (!waiting_->earlier.empty() && batch.earlier.size() < kMostEarlier) {
        batch.earlier.push_back(std::move(waiting_->earlier.front()));
        waiting_->earlier.pop_front();
        auto events = decode_events(batch.earlier.back());
        if (!events) {
            dropped_.add();
            continue;
        }
        for (auto& event : *events) batch.events.push_back(std::move(event));
    }
    return batch;
}

// They come again, before what came meanwhile, as far as there is room.
void Trace::put_back(Batch batch)
{
    const std::lock_guard lock(waiting_->mutex);
    if (!batch.earlier.empty()) {
        waiting_->earlier.insert(waiting_->earlier.begin(), std::make_move_iterator(batch.earlier.begin()),
                                 std::make_move_iterator(batch.earlier.end()));
        return;
    }
    for (Event& event : waiting_->events) batch.events.push_back(std::move(event));
    while (batch.events.size() > options_.most_waiting) {
        batch.events.pop_back();
        dropped_.add();
    }
    waiting_->events = std::move(batch.events);
    waiting_->bytes = 0;
    for (const Event& event : waiting_->events) waiting_->bytes += weight(event);
}

// Whether the file took what there was.
co::Task<bool> Trace::write_once()
{
    while (is_writing_) co_await written_.wait();
    Batch batch = take_batch();
    const std::vector<Event>& events = batch.events;
    if (events.empty()) co_return true;
    is_writing_ = true;
    auto job = [file = &writer_->file, &events] { return file->write(events); };
    const TraceFile::Written written = co_await strand_.run(net::WorkClass::bulk, std::move(job));
    is_writing_ = false;
    note_set_aside();
    const bool is_failing = written != TraceFile::Written::all;
    if (is_failing && !was_failing_)
        ground_.log.error("the trace cannot be written; mail goes on without it",
                          {{"path", ground_.path}, {"why", writer_->file.last_error()}});
    if (!is_failing && was_failing_) ground_.log.notice("the trace is written again", {{"path", ground_.path}});
    was_failing_ = is_failing;
    failing_.set(is_failing ? 1 : 0);
    if (!is_failing) recorded_.add(events.size());
    if (written == TraceFile::Written::never) dropped_.add(events.size());
    if (written == TraceFile::Written::none) put_back(std::move(batch));
    tell_drops();
    written_.notify_all();
    co_return !is_failing;
}

void Trace::note_set_aside()
{
    const std::uint64_t count = writer_->file.set_aside();
    is_aside_there_ = is_aside_there_ || count != noted_aside_;
    noted_aside_ = count;
    set_aside_.set(static_cast<std::int64_t>(count));
}

void Trace::tell_drops()
{
    const std::uint64_t dropped = dropped_.value();
    if (dropped == told_drops_ || ground_.clock.steady() < next_drop_word_) return;
    ground_.log.warning("events of messages were not traced: there was no room for them",
                        {{"events", dropped - told_drops_}, {"in_all", dropped}});
    told_drops_ = dropped;
    next_drop_word_ = ground_.clock.steady() + std::chrono::minutes(1);
}

co::Task<void> Trace::keep_retaining()
{
    while (!is_stopping_) {
        // The first time at once: it also makes the file.
        bool has_more = is_recording_;
        while (has_more && !is_stopping_) {
            const auto cutoff =
                std::chrono::duration_cast<std::chrono::microseconds>((ground_.clock.wall() - options_.keep).time_since_epoch());
            auto job = [file = &writer_->file, before = cutoff.count(), most = options_.most_bytes] {
                return file->retain(before, most);
            };
            has_more = co_await strand_.run(net::WorkClass::bulk, std::move(job));
            note_set_aside();
            constexpr auto kBreath = std::chrono::milliseconds(50);
            if (has_more && !is_stopping_) (void)co_await retain_timer_.wait(kBreath);
        }
        if (!is_stopping_) (void)co_await retain_timer_.wait(options_.retain_interval);
    }
}

// The administrator removes it when it is of no use any more, or a start finds it there.
co::Task<void> Trace::keep_looking()
{
    while (!is_stopping_) {
        auto job = [file = &writer_->file] { return file->is_aside_there(); };
        is_aside_there_ = co_await strand_.run(net::WorkClass::bulk, std::move(job));
        if (!is_stopping_) (void)co_await look_timer_.wait(options_.look_interval);
    }
}

std::vector<std::string> Trace::complaints() const
{
    if (!is_aside_there_) return {};
    return {"The trace could not be read and was set aside as " + ground_.path +
            ".damaged: what befell messages before that is not known to mailboxctl trace and slo. Remove the file when nobody needs it any more."};
}

co::Task<void> Trace::flush()
{
    while (is_writing_) co_await written_.wait();
    bool goes_on = true;
    while (goes_on) {
        const bool has_more = has_earlier();
        const bool is_good = co_await write_once();
        goes_on = has_more && is_good;
    }
}

// Mail does not wait for a file that cannot be written: a checkpoint goes on, and what is lost in the end is counted.
co::Task<void> Trace::settle()
{
    if (!was_failing_) co_await flush();
}

co::Task<void> Trace::stop()
{
    is_stopping_ = true;
    write_timer_.cancel();
    retain_timer_.cancel();
    look_timer_.cancel();
    waiting_->wake.notify_all();
    co_await tasks_.finished();
    co_await flush();
    {
        const std::lock_guard lock(waiting_->mutex);
        waiting_->is_open = false;
    }
    auto job = [file = &writer_->file] { file->close(); };
    co_await strand_.run(net::WorkClass::bulk, std::move(job));
}

co::Task<Result<SearchAnswer, Error>> Trace::search(SearchQuery query)
{
    co_await flush();
    auto job = [files = &ground_.files, path = ground_.path, query = std::move(query)]() -> Result<SearchAnswer, Error> {
        if (is_absent(*files, path)) return SearchAnswer();
        return search_trace(path, query);
    };
    co_return co_await ground_.workers.run(net::WorkClass::interactive, std::move(job));
}

co::Task<Result<std::optional<MessageStory>, Error>> Trace::story(std::string id, std::string about)
{
    co_await flush();
    auto job = [files = &ground_.files, path = ground_.path, id = std::move(id),
                about = std::move(about)]() -> Result<std::optional<MessageStory>, Error> {
        if (is_absent(*files, path)) return std::optional<MessageStory>();
        return load_story(path, id, about);
    };
    co_return co_await ground_.workers.run(net::WorkClass::interactive, std::move(job));
}

co::Task<Result<SloAnswer, Error>> Trace::slo(SloQuery query)
{
    co_await flush();
    auto job = [files = &ground_.files, path = ground_.path, query]() -> Result<SloAnswer, Error> {
        if (is_absent(*files, path)) return SloAnswer();
        return measure_slo(path, query);
    };
    co_return co_await ground_.workers.run(net::WorkClass::interactive, std::move(job));
}

}  // namespace mbx::trace
