// Slows down who guesses passwords (HOSTILE row J1): failures are counted by network and by account, over all protocols.
// From failures_before_delay on, log-ins are let through one by one with growing distances up to max_delay; one whose
// turn would come later than max_delay is refused. Nobody is locked out: a network from which the account logged in
// before is held up by its own failures for this account alone. Pure but for its tables; loop thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "auth/lru_table.hpp"
#include "base/clock.hpp"

namespace mbx::auth {

struct BrakeOptions {
    unsigned failures_before_delay = 5;
    std::chrono::milliseconds failure_window{900'000};
    std::chrono::milliseconds max_delay{8000};
};

// Who tries to log in. An account that does not exist has a text too, so that it is slowed down alike (row J2).
struct BrakeSubject {
    std::string network;
    std::string account;
};

class Brake {
public:
    static constexpr std::size_t kMostRemembered = 20'000;  // of networks, of accounts, of pairs

    explicit Brake(BrakeOptions options) : options_(options) {}
    void set_options(BrakeOptions options) { options_ = options; }

    // How long the log-in has to wait for its turn, which is now taken; none: too long, refuse.
    std::optional<std::chrono::milliseconds> admit(const BrakeSubject& subject, SteadyTime now);
    void failed(const BrakeSubject& subject, SteadyTime now);
    // From now on the network is known for this account. Failures stay counted: an own account is no way to clear them.
    void succeeded(const BrakeSubject& subject);

    bool is_known(const BrakeSubject& subject);

private:
    struct Record {
        unsigned failures = 0;
        SteadyTime last_failure;
        SteadyTime next_turn;
    };
    using Table = LruTable<std::string, Record>;

    std::chrono::milliseconds delay_of(const Record& record) const;
    void count(Record& record, SteadyTime now);
    void forget_old(Record& record, SteadyTime now) const;

    BrakeOptions options_;
    Table networks_{kMostRemembered};
    Table accounts_{kMostRemembered};
    Table known_pairs_{kMostRemembered};
};

}  // namespace mbx::auth
