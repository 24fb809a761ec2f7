// SMTP senders: one recipient a message, in turn; a message counts with the 250 after its final dot.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>

#include "run.hpp"

namespace mbx::bench {
namespace {

class Sender final : public LoadSession {
public:
    explicit Sender(Run& run) : LoadSession(run) {}
    void begin() override;
    void lost() override;

private:
    enum class State { greeting, ehlo, waiting, mail, rcpt, data, body };
    void on_line(std::string_view line) override;
    void answered(bool good, char first);
    void send_message();

    State state_ = State::greeting;
    std::uint64_t id_ = 0;
    std::string recipient_;
    double dot_ = 0;
};

void Sender::begin()
{
    if (!run_.take_message(id_)) {
        state_ = State::waiting;
        finish();
        put("QUIT\r\n");
        (void)flush();
        return;
    }
    recipient_ = address_of(run_.options(), run_.options().first + id_ % run_.options().users);
    put("MAIL FROM:<sender@remote.test>\r\n");
    if (run_.options().pipeline) put("RCPT TO:<" + recipient_ + ">\r\nDATA\r\n");
    state_ = State::mail;
    (void)flush();
}

void Sender::lost()
{
    run_.failed("connection lost");
    if (state_ >= State::mail) run_.refused("message in a lost connection");
    state_ = State::greeting;
}

void Sender::on_line(std::string_view line)
{
    if (line.size() < 3 || (line.size() > 3 && line[3] == '-')) return;
    const bool good = line[0] == (state_ == State::data ? '3' : '2');
    if (!good && state_ >= State::mail) run_.refused(line);
    if (!good && (state_ < State::mail || line[0] == '4')) {
        if (state_ < State::mail) run_.failed(line);
        // Temporary refusals repeat at once: give the server a new connection's pause.
        state_ = State::greeting;
        if (run_.options().sessions > 0) close();
        return;
    }
    if (!good) {
        put("RSET\r\n");
        state_ = State::ehlo;
        return;
    }
    answered(good, line[0]);
}

void Sender::answered(bool, char)
{
    switch (state_) {
    case State::greeting:
        put("EHLO client.example\r\n");
        state_ = State::ehlo;
        break;
    case State::ehlo:
        state_ = State::waiting;
        ready();
        break;
    case State::waiting: break;
    case State::mail:
        if (!run_.options().pipeline) put("RCPT TO:<" + recipient_ + ">\r\n");
        state_ = State::rcpt;
        break;
    case State::rcpt:
        if (!run_.options().pipeline) put("DATA\r\n");
        state_ = State::data;
        break;
    case State::data: send_message(); break;
    case State::body:
        run_.accepted(dot_);
        begin();
        break;
    }
}

void Sender::send_message()
{
    std::array<char, 64> date{};
    const std::time_t seconds = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    (void)std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
    const std::string number = std::to_string(id_);
    put("Date: " + std::string(date.data()) + "\r\nFrom: Load Sender <sender@remote.test>\r\nTo: <" + recipient_ +
        ">\r\nSubject: message " + number + " of run " + run_.options().tag + "\r\nMessage-ID: <" + run_.options().tag +
        "." + number + "@remote.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n");
    put_body(run_.body());
    put_behind_body(".\r\n");
    dot_ = now();
    state_ = State::body;
}

} // namespace

int run_smtp(const Options& options)
{
    Run run(options, [](Run& of, unsigned) { return std::make_unique<Sender>(of); });
    return run.go();
}

} // namespace mbx::bench
