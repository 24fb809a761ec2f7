#include <mbedtls/ssl_ticket.h>

#include <algorithm>
#include <map>
#include <utility>

#include "net/tls.hpp"
#include "net/tls_certificate.hpp"
#include "net/tls_stream.hpp"

namespace mbx::net {

struct TlsServer::Certificates {
    std::vector<std::unique_ptr<CertificatePair>> pairs;  // never empty
};

namespace {

using CertificateSet = TlsServer::Certificates;

// How long a client may resume; the key that seals tickets is renewed as often, and the one before still opens.
constexpr std::uint32_t kTicketSeconds = 12 * 3600;

class TicketKeys {
public:
    TicketKeys()
    {
        mbedtls_ssl_ticket_init(&context);
        is_ready = mbedtls_ssl_ticket_setup(&context, tls_random, nullptr,
                                            MBEDTLS_CIPHER_AES_256_GCM, kTicketSeconds) == 0;
    }
    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;
    ~TicketKeys() { mbedtls_ssl_ticket_free(&context); }

    mbedtls_ssl_ticket_context context{};  // has a lock of its own
    bool is_ready = false;
};

// What the sessions of one certificate set and one list of protocols share. Unchanging once made; workers read it.
class ServerConfig {
public:
    ServerConfig(std::shared_ptr<const CertificateSet> set, std::shared_ptr<TicketKeys> tickets,
                 std::vector<std::string> alpn)
        : set_(std::move(set)), tickets_(std::move(tickets)), alpn_(std::move(alpn))
    {
        mbedtls_ssl_config_init(&config);
        is_ready = mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT) == 0;
        apply_house_rules(config);
        const CertificatePair& first = *set_->pairs.front();
        is_ready = is_ready && mbedtls_ssl_conf_own_cert(&config, &first.chain, &first.key) == 0;
        mbedtls_ssl_conf_sni(&config, choose, const_cast<CertificateSet*>(set_.get()));
        if (tickets_->is_ready) {
            mbedtls_ssl_conf_session_tickets_cb(&config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                                &tickets_->context);
        }
        if (alpn_.empty()) return;
        for (const std::string& name : alpn_) alpn_names_.push_back(name.c_str());
        alpn_names_.push_back(nullptr);
        is_ready = is_ready && mbedtls_ssl_conf_alpn_protocols(&config, alpn_names_.data()) == 0;
    }
    ServerConfig(const ServerConfig&) = delete;
    ServerConfig& operator=(const ServerConfig&) = delete;
    ~ServerConfig() { mbedtls_ssl_config_free(&config); }

    const CertificatePair& first() const { return *set_->pairs.front(); }

    mbedtls_ssl_config config{};
    bool is_ready = false;

private:
    // A name that no certificate has gets the first one: clients without a right name for us say so themselves.
    static int choose(void* data, mbedtls_ssl_context* ssl, const unsigned char* name, std::size_t length)
    {
        const auto& set = *static_cast<const CertificateSet*>(data);
        const std::string_view host(reinterpret_cast<const char*>(name), length);
        auto& engine = *static_cast<TlsEngine*>(mbedtls_ssl_get_user_data_p(ssl));
        engine.server_name = host;
        const CertificatePair* chosen = set.pairs.front().get();
        for (const auto& pair : set.pairs) {
            if (!pair->serves(host)) continue;
            chosen = pair.get();
            break;
        }
        engine.set_own_certificate(chosen->chain);
        return mbedtls_ssl_set_hs_own_cert(ssl, &chosen->chain, &chosen->key);
    }

    std::shared_ptr<const CertificateSet> set_;
    std::shared_ptr<TicketKeys> tickets_;
    std::vector<std::string> alpn_;
    std::vector<const char*> alpn_names_;
};

}  // namespace

struct TlsServer::State {
    Workers& workers;
    Log log;
    std::shared_ptr<TicketKeys> tickets;
    std::shared_ptr<const CertificateSet> set;
    // By protocol list; one per port, of the set in use.
    std::map<std::vector<std::string>, std::shared_ptr<const ServerConfig>> configs;

    State(Workers& with, Log to) : workers(with), log(std::move(to)) {}

    std::shared_ptr<const ServerConfig> config_for(const std::vector<std::string>& alpn)
    {
        auto& config = configs[alpn];
        if (!config) config = std::make_shared<ServerConfig>(set, tickets, alpn);
        return config;
    }
};

TlsServer::TlsServer(Workers& workers, Log log) : state_(std::make_shared<State>(workers, std::move(log)))
{
    start_tls_library();
    state_->tickets = std::make_shared<TicketKeys>();
}

TlsServer::~TlsServer() = default;

Result<std::shared_ptr<const TlsServer::Certificates>, Error> TlsServer::read(const std::vector<CertificateFiles>& files)
{
    if (files.empty()) return Error{"loading certificates", "none is named", "name a certificate and its key"};
    auto set = std::make_shared<CertificateSet>();
    for (const CertificateFiles& each : files) {
        auto pair = CertificatePair::load(each);
        if (!pair) return pair.error();
        set->pairs.push_back(std::move(*pair));
    }
    return std::shared_ptr<const Certificates>(std::move(set));
}

void TlsServer::use(std::shared_ptr<const Certificates> certificates)
{
    for (const auto& pair : certificates->pairs) {
        if (mbedtls_x509_time_is_future(&pair->chain.valid_from) == 0) continue;
        // Not refused: a machine that starts before its clock is set would stay without encryption.
        const std::string name = pair->facts().names.empty() ? std::string() : pair->facts().names.front();
        state_->log.warning("a certificate is not valid yet", {{"name", name}});
    }
    state_->set = std::move(certificates);
    state_->configs.clear();
    // A client that resumes is not shown the certificate again: what it knows of it (tls-server-end-point) would be out
    // of date. Tickets of before are not taken any more.
    state_->tickets = std::make_shared<TicketKeys>();
}

Result<void, Error> TlsServer::load(const std::vector<CertificateFiles>& files)
{
    auto certificates = read(files);
    if (!certificates) return certificates.error();
    use(std::move(*certificates));
    return {};
}

bool TlsServer::is_ready() const { return state_->set != nullptr; }

std::vector<CertificateFacts> TlsServer::certificates() const
{
    std::vector<CertificateFacts> all;
    if (!state_->set) return all;
    for (const auto& pair : state_->set->pairs) all.push_back(pair->facts());
    return all;
}

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> TlsServer::accept(std::unique_ptr<ByteStream> plain,
                                                                         std::vector<std::string> alpn,
                                                                         Deadline deadline)
{
    const std::shared_ptr<State> state = state_;
    if (!state->set) {
        state->log.error("a TLS connection came and no certificate is loaded", {{"peer", plain->peer().text()}});
        co_return IoError::tls;
    }
    const std::shared_ptr<const ServerConfig> config = state->config_for(alpn);
    if (!config->is_ready) co_return IoError::exhausted;
    auto engine = std::make_shared<TlsEngine>(config->config, config);
    engine->set_own_certificate(config->first().chain);
    auto stream = std::make_unique<TlsStream>(std::move(plain), std::move(engine));
    const Result<void, IoError> shaken = co_await stream->handshake(state->workers, deadline);
    if (!shaken) {
        const std::string why =
            shaken.error() == IoError::tls ? stream->failure() : std::string(describe(shaken.error()));
        state->log.info("TLS handshake failed", {{"peer", stream->peer().text()}, {"why", why}});
        co_return shaken.error();
    }
    co_return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace mbx::net
