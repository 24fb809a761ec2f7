// One measured run: the sessions, the gate before the clock, the counts and latencies, and the line of JSON at the end.
//
// Sessions connect and log in first. Then "ready" is printed, and a line on standard input starts the clock; with
// --until-eof the end of standard input ends the issuing. Exit code 0: every issued message was accepted.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "options.hpp"
#include "socket.hpp"

namespace mbx::bench {

class Run;

class LoadSession : public LineConnection {
public:
    explicit LoadSession(Run& run) : run_(run) {}
    virtual void begin() = 0; // the next message, or finish()
    virtual void lost() = 0;  // the connection broke; is_open() is false already
    bool open();

    bool is_ready() const { return ready_; }
    bool is_finished() const { return finished_; }

protected:
    void ready();
    void finish() { finished_ = true; }
    Run& run_;

private:
    bool ready_ = false;
    bool finished_ = false;
};

class Run {
public:
    using MakeSession = std::function<std::unique_ptr<LoadSession>(Run&, unsigned number)>;
    Run(const Options& options, const MakeSession& make);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    int go();

    // For the sessions.
    const Options& options() const { return options_; }
    const Body& body() const { return body_; }
    int epoll() const { return epoll_; }
    bool is_started() const { return started_ > 0; }
    bool take_message(std::uint64_t& id); // false when none is left
    void accepted(double since);
    void refused(std::string_view reply);
    void failed(std::string_view why) { ++errors_, note(why); }

private:
    void note(std::string_view what);
    bool wait_for(const std::function<bool()>& done, double until);
    void read_gate();
    bool all_ready() const;
    bool all_finished() const;
    void reopen();
    int report() const;

    Options options_;
    Body body_;
    int epoll_;
    std::vector<std::unique_ptr<LoadSession>> sessions_;
    bool gate_open_ = false;
    bool stopped_ = false;
    double started_ = 0;
    double last_ = 0;
    double third_quarter_ = 0;
    double cpu_before_ = 0;
    std::uint64_t issued_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t errors_ = 0;
    std::vector<double> latencies_;
    std::map<std::string, std::uint64_t> replies_;
};

int run_smtp(const Options& options);
int run_append(const Options& options);

} // namespace mbx::bench
