// Who may be served next, and over how many connections: fair between senders and destinations, with a dead destination
// in nobody's way (HOSTILE row I6). What it knows is what is ready or under way, and which destinations failed lately.
// Pure: no I/O, the caller brings the time. Loop thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "queue/entry.hpp"
#include "queue/fair_queue.hpp"
#include "queue/transport.hpp"

namespace mbx::queue {

// The recipients of one entry at one destination.
struct ReadyErrand {
    std::string id;
    std::string destination;  // key_of
    std::string sender;       // of whose turn: an account, or the domain of a reverse-path
    bool is_retry = false;
};

class Dispatcher {
public:
    struct Limits {
        std::uint32_t connections = 100;
        std::uint32_t per_destination = 10;
    };
    explicit Dispatcher(Limits limits) : limits_(limits) {}
    void set_limits(Limits limits) { limits_ = limits; }

    void add(const Destination& destination, ReadyErrand errand);
    // To the head of its line.
    void put_back(ReadyErrand errand);

    // A destination for which another connection is wanted and allowed. It counts as open until closed(). At most half of
    // all connections are for retries and for destinations that failed lately, so that new mail always finds one.
    struct Start {
        std::string key;
        Destination destination;
        bool is_retry = false;
    };
    std::optional<Start> next_start(std::int64_t now);
    void closed(const Start& start);
    // A connection that waits for errands, and does so no more.
    void begin_idle(const std::string& key);
    void end_idle(const std::string& key);
    bool has_idle(const std::string& key) const;

    std::optional<ReadyErrand> take(const std::string& key);
    std::size_t ready(const std::string& key) const;
    // Everything that waits for it: it is down.
    std::vector<ReadyErrand> drain(const std::string& key);

    // The destination answered as one that works.
    void reached(const std::string& key);
    // A connection failed. Until when it is down (milliseconds since 1970), or 0: it is not yet.
    std::int64_t failed(const std::string& key, std::int64_t now, std::uint64_t random, const LastAnswer& why);
    // Not 0: nothing of it is to be tried before.
    std::int64_t down_until(const std::string& key, std::int64_t now) const;
    bool is_suspect(const std::string& key) const;
    // What its last failure said; at is 0 where there was none.
    LastAnswer last_failure(const std::string& key) const;
    // An administrator wants it tried now.
    void forget_failures(const std::string& key);

    // Somebody waits for a connection and all are taken: idle ones should go, and busy ones make room now and then.
    bool is_contested() const;
    std::size_t ready() const { return ready_; }
    std::uint32_t connections() const { return open_; }
    std::size_t down(std::int64_t now) const;
    std::size_t destinations() const { return destinations_.size(); }

private:
    struct Line {
        Destination destination;
        FairQueue<std::string, ReadyErrand> ready;
        std::uint32_t open = 0;
        std::uint32_t idle = 0;
        std::uint32_t failures = 0;
        std::int64_t down_until = 0;
        LastAnswer why;
    };
    // Who asks for connections: destinations in turn for each sender, and each pair once.
    struct Wanting {
        FairQueue<std::string, std::string> turns;
        std::set<std::pair<std::string, std::string>> pairs;
        void push(const std::string& sender, const std::string& key)
        {
            if (pairs.emplace(sender, key).second) turns.push(sender, key);
        }
    };
    std::optional<Start> start_from(Wanting& wanting, bool is_retry, std::int64_t now);
    void want(const Line& line, const std::string& key, const ReadyErrand& errand);
    void forget_if_idle(const std::string& key);
    void forget_oldest_failure();

    Limits limits_;
    std::map<std::string, Line> destinations_;
    Wanting wanting_;
    Wanting wanting_retries_;
    std::size_t ready_ = 0;
    std::uint32_t open_ = 0;
    std::uint32_t open_retries_ = 0;
};

}  // namespace mbx::queue
