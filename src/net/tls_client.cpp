#include <mbedtls/x509_crt.h>

#include <utility>

#include "net/tls.hpp"
#include "net/tls_stream.hpp"
#include "net/tls_trust.hpp"

namespace mbx::net {
namespace {

// What one connection of ours shows and believes.
class ClientConfig {
public:
    // Reads the CA file: on a worker.
    explicit ClientConfig(TlsClientOptions options) : options_(std::move(options))
    {
        mbedtls_ssl_config_init(&config);
        is_ready = mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT) == 0;
        apply_house_rules(config);
        // TLSA records are compared when the handshake is over: its keys are the server's own by then.
        mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
        if (!options_.ca_file.empty() && options_.tlsa.empty()) verify();
        if (options_.alpn.empty()) return;
        for (const std::string& name : options_.alpn) alpn_names_.push_back(name.c_str());
        alpn_names_.push_back(nullptr);
        is_ready = is_ready && mbedtls_ssl_conf_alpn_protocols(&config, alpn_names_.data()) == 0;
    }
    ClientConfig(const ClientConfig&) = delete;
    ClientConfig& operator=(const ClientConfig&) = delete;
    ~ClientConfig() { mbedtls_ssl_config_free(&config); }

    mbedtls_ssl_config config{};
    bool is_ready = false;
    bool lacks_authorities = false;

private:
    void verify()
    {
        authorities_ = Authorities::of(options_.ca_file);
        lacks_authorities = authorities_ == nullptr;
        is_ready = is_ready && !lacks_authorities && !options_.server_name.empty();
        mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
        if (authorities_) mbedtls_ssl_conf_ca_chain(&config, &authorities_->chain, nullptr);
    }

    TlsClientOptions options_;
    std::shared_ptr<const Authorities> authorities_;
    std::vector<const char*> alpn_names_;
};

TlsOutcome handshake_fault(const TlsEngine& engine, IoError error, const std::string& failure)
{
    TlsOutcome outcome = outcome_of(engine.verify_flags());
    if (outcome.fault != TlsFault::none) return outcome;
    outcome.fault = error == IoError::tls ? TlsFault::protocol : TlsFault::network;
    outcome.why = error == IoError::tls ? "the TLS handshake failed: " + failure
                                        : "the TLS handshake failed: " + std::string(describe(error));
    return outcome;
}

TlsOutcome unprepared(const ClientConfig& config, const std::string& ca_file)
{
    TlsOutcome outcome;
    outcome.fault = config.lacks_authorities ? TlsFault::no_authorities : TlsFault::protocol;
    outcome.why = config.lacks_authorities ? "no certificate of an authority can be read from " + ca_file
                                           : "no TLS client can be made";
    return outcome;
}

}  // namespace

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tls(Workers& workers, std::unique_ptr<ByteStream> plain,
                                                                   TlsClientOptions options, Deadline deadline)
{
    start_tls_library();
    const auto outcome = options.outcome ? options.outcome : std::make_shared<TlsOutcome>();
    auto make = [&options]() -> std::shared_ptr<const ClientConfig> { return std::make_shared<ClientConfig>(options); };
    const std::shared_ptr<const ClientConfig> config = co_await workers.run(WorkClass::interactive, std::move(make));
    if (!config->is_ready) {
        *outcome = unprepared(*config, options.ca_file);
        co_return IoError::tls;
    }
    const auto engine = std::make_shared<TlsEngine>(config->config, config);
    if (!engine->set_server_name(options.server_name)) co_return IoError::tls;
    auto stream = std::make_unique<TlsStream>(std::move(plain), engine);
    const Result<void, IoError> shaken = co_await stream->handshake(workers, deadline);
    if (!shaken) {
        *outcome = handshake_fault(*engine, shaken.error(), stream->failure());
        co_return shaken.error();
    }
    TlsOutcome verdict;
    if (!options.tlsa.empty()) {
        auto judge = [&options, engine] {
            std::vector<std::string> names{options.server_name};
            names.insert(names.end(), options.other_names.begin(), options.other_names.end());
            const mbedtls_x509_crt* chain = engine->peer_chain();
            return chain == nullptr ? outcome_of(MBEDTLS_X509_BADCERT_MISSING) : judge_by_tlsa(*chain, options.tlsa, names);
        };
        verdict = co_await workers.run(WorkClass::interactive, std::move(judge));
    } else if (!options.ca_file.empty()) {
        verdict.trust = TlsTrust::authorities;
    }
    *outcome = verdict;
    if (verdict.fault != TlsFault::none) {
        co_await stream->refuse_certificate(deadline);
        co_return IoError::tls;
    }
    stream->set_trust(verdict.trust);
    co_return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace mbx::net
