#include "daemon/worker_probe.hpp"

#include <utility>

namespace mbx::daemon {

co::Task<void> WorkerProbe::ask(net::Workers& workers, Question& question)
{
    auto nothing = [] {};
    co_await workers.run(question.work_class, std::move(nothing));
    question.is_open = false;
    question.waits = 0;
}

void WorkerProbe::turn(co::Scope& tasks)
{
    for (Question& question : questions_) {
        if (question.is_open) {
            ++question.waits;
        } else {
            question.is_open = true;
            tasks.spawn(ask(workers_, question));
        }
    }
}

std::string WorkerProbe::trouble() const
{
    if (questions_[0].waits >= questions_[0].patience) return "the worker threads do not answer: a disk hangs";
    if (questions_[1].waits >= questions_[1].patience) return "the worker threads are busy and do not come to people's work";
    return {};
}

}  // namespace mbx::daemon
