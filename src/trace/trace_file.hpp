// trace.db as its one writer sees it. Blocking: on a worker, one thread at a time. Private to trace/.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "trace/recorder.hpp"
#include "trace/sqlite.hpp"
#include "trace/trace_places.hpp"

namespace mbx::trace {

class TraceFile {
public:
    using ReadSubject = std::function<std::string(std::string_view)>;
    TraceFile(FileSystem& files, std::string path, Log log, ReadSubject read_subject = {});
    ~TraceFile();
    TraceFile(const TraceFile&) = delete;
    TraceFile& operator=(const TraceFile&) = delete;

    enum class Written : std::uint8_t {
        all,
        none,   // for now (no space, a lock, an error of the disk): try again later
        never,  // these cannot be written, though the file can be
    };
    // All of them in one transaction. A file that is damaged, or of another version, is renamed to "….damaged" (one is
    // kept) and begun anew.
    Written write(const std::vector<Event>& events);
    // Removes the oldest messages: some that are older than `cutoff` (microseconds since 1970), or any while the file
    // holds more than `most_bytes`. Whether there is more to remove.
    bool retain(std::int64_t cutoff, std::uint64_t most_bytes);
    void close();
    std::uint64_t set_aside() const { return set_aside_; }  // how often, since the start
    bool is_aside_there() const;  // a file that was set aside, now or by an earlier run
    std::string last_error() const { return last_error_; }

private:
    struct Statements;
    bool open();
    bool prepare_file();
    void make_schema(std::int64_t version);
    void put_aside(const std::string& why);
    std::string subject_of(const Event& event) const;
    void insert(const Event& event);
    std::int64_t begin_message(const Event& event, const std::string& id, std::int64_t at);
    std::int64_t message_number(const Event& event, std::int64_t at);
    void insert_act_of_mailbox(const Event& event, std::int64_t at);
    void insert_act_in_mailbox(const Event& event, std::int64_t at);
    bool insert_act(const Event& event, const PlaceTable::Delivery& delivery, const std::string& facts, std::int64_t at);
    PlaceTable::Delivery find_delivery(const Event& event);
    void note_place(const Event& event, const PlaceTable::Delivery& delivery, std::int64_t at);
    void insert_delivery(const Event& event, std::int64_t message, std::int64_t at);
    int finish();
    FileSystem& files_;
    std::string path_;
    Log log_;
    ReadSubject read_subject_;
    Database database_;
    std::unique_ptr<Statements> statements_;
    std::uint64_t set_aside_ = 0;
    std::chrono::steady_clock::time_point last_set_aside_{};
    std::string last_error_;
    std::unordered_map<std::string, std::int64_t> numbers_;  // of messages that the batch under way has touched
};

}  // namespace mbx::trace
