#include "run.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace mbx::bench {
namespace {

constexpr std::uint64_t kMaxErrors = 50;
constexpr std::size_t kMaxReplies = 12;

double percentile(const std::vector<double>& sorted, double share)
{
    if (sorted.empty()) return 0;
    const auto at = static_cast<std::size_t>(static_cast<double>(sorted.size()) * share);
    return sorted[std::min(at, sorted.size() - 1)] * 1e3;
}

} // namespace

bool LoadSession::open()
{
    return connect_to(run_.epoll(), run_.options().host, run_.options().port);
}

void LoadSession::ready()
{
    ready_ = true;
    if (run_.is_started()) begin();
}

Run::Run(const Options& options, const MakeSession& make)
    : options_(options), body_(options.size), epoll_(::epoll_create1(EPOLL_CLOEXEC))
{
    for (unsigned number = 0; number < options_.sessions; ++number) sessions_.push_back(make(*this, number));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    // A file or /dev/null cannot be watched: then there is nobody who could open the gate later.
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) gate_open_ = true;
    latencies_.reserve(std::min<std::uint64_t>(options_.messages, 1U << 20U));
}

Run::~Run()
{
    sessions_.clear();
    ::close(epoll_);
}

bool Run::take_message(std::uint64_t& id)
{
    if (stopped_ || issued_ >= options_.messages) return false;
    id = issued_++;
    return true;
}

void Run::accepted(double since)
{
    last_ = now();
    latencies_.push_back(last_ - since);
    if (++accepted_ == options_.messages - options_.messages / 4) third_quarter_ = last_;
}

void Run::refused(std::string_view reply)
{
    ++refused_;
    note(reply);
}

void Run::note(std::string_view what)
{
    std::string words;
    for (const char c : what.substr(0, 70)) {
        if (c >= ' ' && c < 127 && c != '"' && c != '\\') words += c;
    }
    if (replies_.size() < kMaxReplies || replies_.contains(words)) ++replies_[words];
}

void Run::read_gate()
{
    std::array<char, 64> line{};
    const ssize_t got = ::read(STDIN_FILENO, line.data(), line.size());
    if (got > 0) {
        gate_open_ = true;
        return;
    }
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
    gate_open_ = true;
    stopped_ = options_.until_eof;
}

bool Run::wait_for(const std::function<bool()>& done, double until)
{
    std::array<epoll_event, 256> events{};
    while (!done()) {
        if (now() > until) return false;
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 500);
        if (count < 0 && errno != EINTR) return false;
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == nullptr) {
                read_gate();
                continue;
            }
            auto* session = static_cast<LoadSession*>(event.data.ptr);
            if (!session->is_open() || session->on_event(event.events)) continue;
            if (session->is_finished()) continue;
            session->close();
            session->lost();
        }
        reopen();
    }
    return true;
}

void Run::reopen()
{
    for (const auto& session : sessions_) {
        if (session->is_open() || session->is_finished() || errors_ >= kMaxErrors) continue;
        if (!session->open()) failed("connection refused");
    }
}

bool Run::all_ready() const
{
    return errors_ >= kMaxErrors || std::ranges::all_of(sessions_, [](const auto& one) { return one->is_ready(); });
}

bool Run::all_finished() const
{
    return errors_ >= kMaxErrors || std::ranges::all_of(sessions_, [](const auto& one) { return one->is_finished(); });
}

int Run::go()
{
    const double until = now() + options_.timeout_s;
    reopen();
    if (!wait_for([this] { return all_ready(); }, until)) failed("not all sessions were ready in time");
    std::puts("ready");
    (void)std::fflush(stdout);
    (void)wait_for([this] { return gate_open_; }, until);
    cpu_before_ = used_cpu();
    started_ = last_ = now();
    for (const auto& session : sessions_) {
        if (session->is_ready() && session->is_open()) session->begin();
    }
    if (!wait_for([this] { return all_finished(); }, until)) failed("the time was over");
    return report();
}

int Run::report() const
{
    std::vector<double> sorted = latencies_;
    std::ranges::sort(sorted);
    const double elapsed = std::max(1e-9, last_ - started_);
    const double last_quarter = third_quarter_ > 0 && last_ > third_quarter_
                                    ? static_cast<double>(options_.messages / 4) / (last_ - third_quarter_)
                                    : 0;
    std::printf("{\"t_start\": %.6f, \"t_last\": %.6f, \"issued\": %llu, \"accepted\": %llu, \"rejected\": %llu, "
                "\"errors\": %llu, "
                "\"per_s\": %.1f, \"per_s_last_quarter\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, "
                "\"client_cpu_s\": %.3f, \"replies\": {",
                started_, last_, static_cast<unsigned long long>(issued_), static_cast<unsigned long long>(accepted_),
                static_cast<unsigned long long>(refused_), static_cast<unsigned long long>(errors_),
                static_cast<double>(accepted_) / elapsed, last_quarter, percentile(sorted, 0.5),
                percentile(sorted, 0.99), percentile(sorted, 1), used_cpu() - cpu_before_);
    const char* comma = "";
    for (const auto& [words, count] : replies_) {
        std::printf("%s\"%s\": %llu", comma, words.c_str(), static_cast<unsigned long long>(count));
        comma = ", ";
    }
    std::puts("}}");
    return issued_ > 0 && accepted_ == issued_ && errors_ == 0 ? 0 : 1;
}

} // namespace mbx::bench
