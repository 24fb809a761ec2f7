#include "smtp/appliance.hpp"

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "mail/header.hpp"

namespace mbx::test {

namespace {

std::unique_ptr<directory::Directory> open_directory(const std::filesystem::path& folder, net::Workers& workers)
{
    directory::SnapshotOptions options;
    options.host_name = "mx.example.test";
    auto opened = directory::Directory::open((folder / "directory.db").string(), workers, options);
    if (!opened) throw std::runtime_error(opened.error().text());
    return std::move(*opened);
}

auth::AuthenticatorOptions cheap()
{
    auth::AuthenticatorOptions options;
    options.argon2_memory = 8192;
    options.argon2_passes = 1;
    options.scram_iterations = auth::kLeastScramIterations;
    options.max_delay = std::chrono::milliseconds(0);
    options.failures_before_delay = 1'000'000;
    return options;
}

smtp::Options options_with(const Appliance::Change& change)
{
    smtp::Options options;
    options.hostname = "mx.example.test";
    if (change) change(options);
    return options;
}

store::StoreOptions store_options(const std::filesystem::path& folder)
{
    store::StoreOptions options;
    options.root = (folder / "mail").string();
    std::filesystem::create_directories(options.root);
    return options;
}

std::string spool_of(const std::filesystem::path& folder)
{
    const auto spool = folder / "spool";
    std::filesystem::create_directories(spool);
    return spool.string();
}

std::unique_ptr<LogWriter> writer_for(int descriptor)
{
    if (descriptor < 0) return nullptr;
    return std::make_unique<LogWriter>(descriptor, LogFormat::key_value, LogLevel::debug);
}

std::string read_file(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

template <typename T> void must(const T& result)
{
    if (!result) throw std::runtime_error(result.error().error.text());
}

} // namespace

Appliance::Appliance(const Change& change, int log_descriptor)
    : folder(temporary_folder_.path("")), workers(loop, 3, 1), log_writer_keeper(writer_for(log_descriptor)),
      log(log_writer_keeper ? Log(std::shared_ptr<LogWriter>(log_writer_keeper.get(), [](LogWriter*) {}), "smtp")
                            : Log()),
      journal(open_mail_journal(loop, files, clock, metrics, {(folder / "journal").string()})),
      store(loop, files, workers, *journal, clock, random, metrics, log, store_options(folder)),
      intake(store, files, workers, clock, random, metrics, log, spool_of(folder)),
      directory(open_directory(folder, workers)),
      authenticator(*directory, workers, loop, clock, random, metrics, log, cheap()), tls(workers, log),
      server(smtp::Dependencies{intake, *directory, authenticator, live_sessions, tls, metrics, clock, log, srs, workers, &recorded},
             options_with(change))
{
    store.set_recorder(&recorded);
    intake.on_outgoing([this](intake::OutgoingMail mail) { outgoing.push_back(std::move(mail)); });
    populate();
}

void Appliance::populate()
{
    must(run(directory->add_domain("example.test")));
    auto hash = run(authenticator.hash_password(kPassword));
    if (!hash) throw std::runtime_error(hash.error().text());
    for (const std::string local : {"ann", "bob", "off", "root"}) {
        directory::NewAccount account;
        account.address = local + "@example.test";
        account.password_hash = *hash;
        account.is_administrator = local == "root";
        must(run(directory->add_account(account)));
    }
    directory::AccountChange disable;
    disable.enabled = false;
    must(run(directory->set_account("off@example.test", disable)));
    must(run(directory->add_alias({"sales@example.test", {"ann@example.test", "bob@example.test"}, true})));
    must(run(directory->add_alias({"outside@example.test", {"ann@example.test", "far@elsewhere.example"}, true})));
}

std::string Appliance::talk(const std::string& script, const Caller& caller)
{
    auto kept = std::make_shared<MemoryStream>(script, caller.piece);
    net::PeerInfo peer = example_peer();
    peer.remote = *net::Endpoint::parse(caller.address);
    peer.is_unix = caller.uid.has_value();
    peer.unix_uid = caller.uid.value_or(0);
    kept->set_peer(peer);
    if (caller.encrypted) kept->set_encrypted({"TLSv1.3", "TLS1-3-AES-128-GCM-SHA256", "mx.example.test", ""});
    run_on(loop, server.serve(std::make_unique<KeptStream>(kept), caller.role, false));
    return masked_trace_ids(kept->heard());
}

std::vector<std::string> Appliance::inbox(const std::string& local_part) const
{
    std::vector<std::pair<std::filesystem::file_time_type, std::string>> found;
    for (const char* part : {"new", "cur"}) {
        const auto place = folder / "mail" / "example.test" / local_part / part;
        if (!std::filesystem::exists(place)) continue;
        for (const auto& entry : std::filesystem::directory_iterator(place)) {
            found.emplace_back(entry.last_write_time(), read_file(entry.path()));
        }
    }
    std::ranges::sort(found);
    std::vector<std::string> messages;
    messages.reserve(found.size());
    for (auto& each : found) messages.push_back(std::move(each.second));
    return messages;
}

std::size_t Appliance::stored() const
{
    std::size_t count = 0;
    for (const char* local : {"ann", "bob", "off", "root"}) count += inbox(local).size();
    return count;
}

void Appliance::empty_inboxes() const
{
    for (const char* local : {"ann", "bob", "off", "root"}) {
        for (const char* part : {"new", "cur"}) {
            const auto place = folder / "mail" / "example.test" / local / part;
            if (!std::filesystem::exists(place)) continue;
            for (const auto& entry : std::filesystem::directory_iterator(place)) std::filesystem::remove(entry.path());
        }
    }
}

std::size_t Appliance::spooled() const
{
    const auto begin = std::filesystem::recursive_directory_iterator(folder / "spool");
    return static_cast<std::size_t>(
        std::ranges::count_if(begin, std::filesystem::recursive_directory_iterator(),
                              [](const std::filesystem::directory_entry& entry) { return entry.is_regular_file(); }));
}

Dialogue::Dialogue(Appliance& appliance, smtp::Role role, std::size_t capacity, bool encrypted)
    : appliance_(appliance), pipe_(capacity), server_end_(pipe_.far.get())
{
    std::unique_ptr<net::ByteStream> stream = std::move(pipe_.far);
    if (encrypted) stream = std::make_unique<EncryptedFacade>(std::move(stream));
    scope_.spawn(appliance.server.serve(std::move(stream), role, false));
}

Dialogue::~Dialogue()
{
    pipe_.near->close();
    appliance_.loop.run();
}

void Dialogue::push(std::string_view text)
{
    (void)run_ready(pipe_.near->write(text, net::Deadline::never()));
    appliance_.loop.run();
}

std::string Dialogue::say(std::string_view text)
{
    push(text);
    return hear();
}

std::string Dialogue::hear()
{
    appliance_.loop.run();
    std::string heard;
    while (pipe_.near->unread() != 0) {
        std::string piece(4096, '\0');
        const auto count = run_ready(pipe_.near->read_some(piece, net::Deadline::never()));
        if (!count) break;
        heard.append(piece, 0, *count);
        appliance_.loop.run();
    }
    return masked_trace_ids(heard);
}

std::string as_sent(const std::string& stored, std::size_t fields_in_front)
{
    mail::HeaderScanner header(stored);
    std::size_t at = 0;
    for (std::size_t i = 0; i < fields_in_front; ++i) {
        const auto field = header.next();
        if (!field) return "too few fields in front";
        at = field->offset + field->whole.size();
    }
    return stored.substr(at);
}

std::string ehlo_answer(std::string_view extra)
{
    return "250-mx.example.test\r\n250-PIPELINING\r\n250-SIZE 67108864\r\n250-8BITMIME\r\n250-BINARYMIME\r\n"
           "250-CHUNKING\r\n250-DSN\r\n" + std::string(extra) + "250-LIMITS RCPTMAX=1000\r\n"
           "250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n";
}

std::string masked_trace_ids(std::string text)
{
    static const std::regex kId("2\\.0\\.0 [0-9a-z]{20} accepted");
    return std::regex_replace(text, kId, "2.0.0 ID accepted");
}

} // namespace mbx::test
