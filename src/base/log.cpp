#include "base/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace mbx {
namespace {

// The queue's bound: enough for a burst while a disk sleeps, small against the memory of the daemon.
constexpr std::size_t kMostLines = 8192;
// At the end, how long the last lines may take to go out when nobody reads the other end of a pipe.
constexpr int kFarewellMs = 2000;
// After lines went out the thread rests: what comes meanwhile goes out together, so that a busy server wakes it a hundred
// times a second and not for each message. Warnings and errors do not wait.
constexpr std::chrono::milliseconds kRest{10};

std::string now_text()
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, milliseconds % 1000);
}

// What one write takes: so much that a pipe which is ready takes it without blocking, and whole lines where it can be.
std::string_view next_part(std::string_view bytes)
{
    if (bytes.size() <= PIPE_BUF) return bytes;
    const std::size_t end = bytes.rfind('\n', PIPE_BUF - 1);
    return bytes.substr(0, end == std::string_view::npos ? PIPE_BUF : end + 1);
}

}  // namespace

struct LogWriter::Shared {
    const int descriptor;
    const LogFormat format;
    std::atomic<LogLevel> level;
    std::atomic<bool> has_component_levels{false};
    std::atomic<std::uint64_t> dropped{0};

    std::mutex mutex;  // of all below
    std::condition_variable wake;
    ComponentLevels component_levels;
    std::deque<std::string> lines;
    std::uint64_t untold_drops = 0;
    bool is_resting = false;
    bool is_urgent = false;  // something is queued that ends the rest
    bool stopping = false;
    std::thread thread;

    Shared(int to, LogFormat as, LogLevel from) : descriptor(to), format(as), level(from) {}

    std::string next_batch();
    void rest();
    void write_out(std::string_view bytes);
    void run();
};

// Waits for lines; everything queued in one text, or nothing when it is time to end.
std::string LogWriter::Shared::next_batch()
{
    std::unique_lock lock(mutex);
    wake.wait(lock, [this] { return stopping || !lines.empty(); });
    std::deque<std::string> taken;
    if (lines.empty()) return {};
    taken.swap(lines);
    is_urgent = false;
    const std::uint64_t drops = std::exchange(untold_drops, 0);
    lock.unlock();

    std::string text;
    for (const std::string& line : taken) {
        text += line;
        text += '\n';
    }
    if (drops != 0) {
        text += format_log_line(format, now_text(), LogLevel::warning, "log", "events were dropped",
                                {{"count", drops}});
        text += '\n';
    }
    return text;
}

void LogWriter::Shared::rest()
{
    std::unique_lock lock(mutex);
    is_resting = true;
    wake.wait_for(lock, kRest, [this] { return stopping || is_urgent; });
    is_resting = false;
}

void LogWriter::Shared::write_out(std::string_view bytes)
{
    while (!bytes.empty()) {
        // A pipe that nobody reads must not hold up the end of the process for ever.
        pollfd ready{descriptor, POLLOUT, 0};
        const int count = ::poll(&ready, 1, kFarewellMs);
        if (count == 0) {
            const std::lock_guard lock(mutex);
            if (stopping) return;
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        const std::string_view part = next_part(bytes);
        const ssize_t written = ::write(descriptor, part.data(), part.size());
        if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (written < 0) {
            // Disk full or the reader gone: mail goes on, the loss is counted (HOSTILE row G14).
            const auto lost = static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
            dropped.fetch_add(lost, std::memory_order_relaxed);
            const std::lock_guard lock(mutex);
            untold_drops += lost;
            return;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void LogWriter::Shared::run()
{
    while (true) {
        const std::string batch = next_batch();
        if (batch.empty()) return;
        write_out(batch);
        rest();
    }
}

LogWriter::LogWriter(int descriptor, LogFormat format, LogLevel level)
    : shared_(std::make_unique<Shared>(descriptor, format, level))
{
    shared_->thread = std::thread([shared = shared_.get()] { shared->run(); });
}

LogWriter::~LogWriter()
{
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->stopping = true;
    }
    shared_->wake.notify_one();
    shared_->thread.join();
}

void LogWriter::set_level(LogLevel level) { shared_->level.store(level, std::memory_order_relaxed); }

void LogWriter::set_component_levels(ComponentLevels levels)
{
    const std::lock_guard lock(shared_->mutex);
    shared_->component_levels = std::move(levels);
    shared_->has_component_levels.store(!shared_->component_levels.empty(), std::memory_order_release);
}

bool LogWriter::wants(std::string_view component, LogLevel level) const
{
    LogLevel least = shared_->level.load(std::memory_order_relaxed);
    if (shared_->has_component_levels.load(std::memory_order_acquire)) {
        const std::lock_guard lock(shared_->mutex);
        const auto found = shared_->component_levels.find(component);
        if (found != shared_->component_levels.end()) least = found->second;
    }
    return level >= least;
}

void LogWriter::submit(LogLevel level, std::string_view component, std::string_view event, std::vector<LogField> fields)
{
    if (!wants(component, level)) return;
    std::string line = format_log_line(shared_->format, now_text(), level, component, event, fields);
    {
        const std::lock_guard lock(shared_->mutex);
        if (shared_->lines.size() >= kMostLines) {
            ++shared_->untold_drops;
            shared_->dropped.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        shared_->lines.push_back(std::move(line));
        if (level >= LogLevel::warning) shared_->is_urgent = true;
        if (shared_->is_resting && !shared_->is_urgent) return;
    }
    shared_->wake.notify_one();
}

std::uint64_t LogWriter::dropped() const { return shared_->dropped.load(std::memory_order_relaxed); }

Log::Log(std::shared_ptr<LogWriter> writer, std::string component)
    : writer_(std::move(writer)), component_(std::move(component))
{
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const
{
    if (!writer_ || !writer_->wants(component_, level)) return;
    writer_->submit(level, component_, event, fields);
}

void Log::debug(std::string_view event, std::initializer_list<LogField> fields) const
{
    write(LogLevel::debug, event, fields);
}
void Log::info(std::string_view event, std::initializer_list<LogField> fields) const
{
    write(LogLevel::info, event, fields);
}
void Log::notice(std::string_view event, std::initializer_list<LogField> fields) const
{
    write(LogLevel::notice, event, fields);
}
void Log::warning(std::string_view event, std::initializer_list<LogField> fields) const
{
    write(LogLevel::warning, event, fields);
}
void Log::error(std::string_view event, std::initializer_list<LogField> fields) const
{
    write(LogLevel::error, event, fields);
}

Log Log::for_component(std::string component) const { return Log(writer_, std::move(component)); }

}  // namespace mbx
