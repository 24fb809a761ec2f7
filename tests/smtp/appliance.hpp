// A whole receiving side in a temporary directory: real loop, workers, store, intake, directory and authenticator under
// an smtp::Server, spoken to over memory.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/authenticator.hpp"
#include "auth/live_sessions.hpp"
#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "directory/directory.hpp"
#include "intake/intake.hpp"
#include "net/loop.hpp"
#include "net/tls.hpp"
#include "net/workers.hpp"
#include "policy/srs.hpp"
#include "smtp/server.hpp"
#include "store/store.hpp"
#include "support/mail_ground.hpp"
#include "support/memory_stream.hpp"
#include "support/recorded.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::test {

// A stream that lives on after the session let it go, so that what it heard can be read.
class KeptStream final : public net::ByteStream {
public:
    explicit KeptStream(std::shared_ptr<MemoryStream> kept) : kept_(std::move(kept)) {}
    co::Task<Result<std::size_t, net::IoError>> read_some(std::span<char> into, net::Deadline deadline) override
    {
        return kept_->read_some(into, deadline);
    }
    co::Task<Result<void, net::IoError>> write(std::string_view bytes, net::Deadline deadline) override
    {
        ++writes_;
        return kept_->write(bytes, deadline);
    }
    co::Task<Result<void, net::IoError>> shutdown_write(net::Deadline deadline) override
    {
        return kept_->shutdown_write(deadline);
    }
    void interrupt_read() override { kept_->interrupt_read(); }
    void close() override { kept_->close(); }
    const net::PeerInfo& peer() const override { return kept_->peer(); }
    bool is_encrypted() const override { return kept_->is_encrypted(); }
    net::TlsFacts tls_facts() const override { return kept_->tls_facts(); }
    static int writes() { return writes_; }
    static void forget_writes() { writes_ = 0; }

private:
    inline static int writes_ = 0;
    std::shared_ptr<MemoryStream> kept_;
};

// Says that it is encrypted, and is not.
class EncryptedFacade final : public net::ByteStream {
public:
    explicit EncryptedFacade(std::unique_ptr<net::ByteStream> inner) : inner_(std::move(inner)) {}
    co::Task<Result<std::size_t, net::IoError>> read_some(std::span<char> into, net::Deadline deadline) override
    {
        return inner_->read_some(into, deadline);
    }
    co::Task<Result<void, net::IoError>> write(std::string_view bytes, net::Deadline deadline) override
    {
        return inner_->write(bytes, deadline);
    }
    co::Task<Result<void, net::IoError>> shutdown_write(net::Deadline deadline) override
    {
        return inner_->shutdown_write(deadline);
    }
    void interrupt_read() override { inner_->interrupt_read(); }
    void close() override { inner_->close(); }
    const net::PeerInfo& peer() const override { return inner_->peer(); }
    bool is_encrypted() const override { return true; }

private:
    std::unique_ptr<net::ByteStream> inner_;
};

struct Caller {
    smtp::Role role = smtp::Role::mx;
    bool encrypted = false;
    std::size_t piece = 65536;
    std::string address = "192.0.2.10:40000";
    std::optional<std::uint32_t> uid{}; // by a unix socket, as this user
};

class Appliance {
public:
    using Change = std::function<void(smtp::Options&)>;
    // `log_descriptor`: where the log goes, or -1.
    explicit Appliance(const Change& change = {}, int log_descriptor = -1);
    Appliance(const Appliance&) = delete;
    Appliance& operator=(const Appliance&) = delete;

    // One session that hears `script` at once, in pieces, and then the end; what it said, trace ids as "ID".
    std::string talk(const std::string& script, const Caller& caller = {});

    // Every message in the account's INBOX, whole, oldest first.
    std::vector<std::string> inbox(const std::string& local_part) const;
    std::size_t stored() const; // in all accounts
    void empty_inboxes() const;
    std::size_t spooled() const; // files left in the spool

    template <typename T> T run(co::Task<T> task) { return run_on(loop, std::move(task)); }

    static constexpr const char* kPassword = "correct horse battery";

private:
    TemporaryFolder temporary_folder_;

public:
    std::filesystem::path folder;
    PosixFileSystem files;
    net::Loop loop;
    net::Workers workers;
    SystemClock clock;
    SystemRandom random;
    Metrics metrics;
    std::unique_ptr<LogWriter> log_writer_keeper;
    Log log;
    std::unique_ptr<store::MailJournal> journal;
    store::Store store;
    intake::Intake intake;
    std::vector<intake::OutgoingMail> outgoing;  // that the queue would have taken
    policy::Srs srs{std::string(32, 's')};
    std::unique_ptr<directory::Directory> directory;
    auth::Authenticator authenticator;
    auth::LiveSessions live_sessions;
    net::TlsServer tls;
    Recorded recorded;
    smtp::Server server;

private:
    void populate();
};

// A session in a spawned task, spoken to line by line over a pipe whose deadlines the test fires.
class Dialogue {
public:
    // `capacity`: what each direction holds before its writer waits.
    Dialogue(Appliance& appliance, smtp::Role role, std::size_t capacity = 1U << 20U, bool encrypted = false);
    ~Dialogue();

    // Says `text` and gives everything the server answers before it waits again.
    std::string say(std::string_view text);
    std::string hear();
    void push(std::string_view text); // and reads nothing
    bool is_over() const { return scope_.running() == 0; }
    MemoryEnd& server_end() { return *server_end_; } // only while not over
    MemoryEnd& client_end() { return *pipe_.near; }

private:
    Appliance& appliance_;
    MemoryPipe pipe_;
    MemoryEnd* server_end_;
    co::Scope scope_;
};

// What stands behind the fields that the server put in front: everything from the field after Received (with
// submission: after Date and Message-ID where the server added them).
std::string as_sent(const std::string& stored, std::size_t fields_in_front = 2);
std::string ehlo_answer(std::string_view extra = {});
std::string masked_trace_ids(std::string text);

} // namespace mbx::test
