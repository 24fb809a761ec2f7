// IMAP clients that APPEND: connection n logs in as user first + n, and makes its mailbox before the clock starts.
// LITERAL+ where the server offers it (RFC 7888), else synchronising literals.
#include "run.hpp"

namespace mbx::bench {
namespace {

class Appender final : public LoadSession {
public:
    Appender(Run& run, unsigned number) : LoadSession(run), number_(number) {}
    void begin() override;
    void lost() override;

private:
    enum class State { greeting, login, capability, create, waiting, literal, appended };
    void on_line(std::string_view line) override;
    void on_tagged(std::string_view line);
    void send_message();
    void command(std::string_view text) { put("a " + std::string(text) + "\r\n"); }

    State state_ = State::greeting;
    unsigned number_;
    bool literal_plus_ = false;
    std::string header_;
    double since_ = 0;
};

void Appender::begin()
{
    std::uint64_t id = 0;
    if (!run_.take_message(id)) {
        state_ = State::waiting;
        finish();
        command("LOGOUT");
        (void)flush();
        return;
    }
    const std::string number = std::to_string(id);
    header_ =
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: Load Client <sender@remote.test>\r\nTo: <user@example.test>\r\n"
        "Subject: message " +
        number + " of run " + run_.options().tag + "\r\nMessage-ID: <" + run_.options().tag + "." + number +
        "@client.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n";
    const std::string size = std::to_string(header_.size() + run_.body().length);
    since_ = now();
    command("APPEND " + run_.options().mailbox + " {" + size + (literal_plus_ ? "+}" : "}"));
    state_ = State::literal;
    if (literal_plus_) send_message();
    (void)flush();
}

void Appender::send_message()
{
    put(header_);
    put_body(run_.body());
    put_behind_body("\r\n");
    state_ = State::appended;
}

void Appender::lost()
{
    run_.failed("connection lost");
    if (state_ >= State::literal) run_.refused("message in a lost connection");
    state_ = State::greeting;
}

void Appender::on_line(std::string_view line)
{
    if (state_ == State::greeting) {
        if (!line.starts_with("* OK")) return run_.failed(line);
        command("LOGIN " + address_of(run_.options(), run_.options().first + number_ % run_.options().users) + " \"" +
                run_.options().password + "\"");
        state_ = State::login;
        return;
    }
    if (line.starts_with("* CAPABILITY")) literal_plus_ = line.find("LITERAL+") != std::string_view::npos;
    if (line.starts_with("+") && state_ == State::literal) return send_message();
    if (line.starts_with("a ")) on_tagged(line.substr(2));
}

void Appender::on_tagged(std::string_view line)
{
    const bool good = line.starts_with("OK");
    switch (state_) {
    case State::greeting:
    case State::waiting: break;
    case State::login:
        if (!good) return run_.failed(line);
        command("CAPABILITY");
        state_ = State::capability;
        break;
    case State::capability:
        command("CREATE " + run_.options().mailbox);
        state_ = State::create;
        break;
    case State::create: // NO: it is there already
        state_ = State::waiting;
        ready();
        break;
    case State::literal:
    case State::appended:
        if (good)
            run_.accepted(since_);
        else
            run_.refused(line);
        begin();
        break;
    }
}

} // namespace

int run_append(const Options& options)
{
    Run run(options, [](Run& of, unsigned number) { return std::make_unique<Appender>(of, number); });
    return run.go();
}

} // namespace mbx::bench
