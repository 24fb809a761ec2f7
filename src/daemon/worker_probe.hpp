// Whether the worker threads still answer: a loop that lives says nothing of workers that all hang in a disk (HOSTILE row
// G7). A question is a job like others, in the class of mail and in that of people. Loop thread.
#pragma once

#include <array>
#include <string>

#include "co/scope.hpp"
#include "net/workers.hpp"

namespace mbx::daemon {

class WorkerProbe {
public:
    explicit WorkerProbe(net::Workers& workers) : workers_(workers) {}

    // Once a second. Asks anew what was answered; `tasks` is awaited before this dies.
    void turn(co::Scope& tasks);
    // Seconds for which a job of mail delivery has waited for its end; 0: answered.
    unsigned delivery_waits() const { return questions_[0].waits; }
    // In words why work is not done any more; empty: it is.
    std::string trouble() const;

private:
    struct Question {
        net::WorkClass work_class;
        unsigned patience;  // seconds; people's work may stand in a queue
        bool is_open = false;
        unsigned waits = 0;
    };
    static co::Task<void> ask(net::Workers& workers, Question& question);

    net::Workers& workers_;
    std::array<Question, 2> questions_{{{net::WorkClass::delivery, 5}, {net::WorkClass::interactive, 30}}};
};

}  // namespace mbx::daemon
