#include <mbedtls/x509_crt.h>

#include <utility>

#include "net/tls.hpp"
#include "net/tls_stream.hpp"

namespace mbx::net {
namespace {

// What one connection of ours shows and believes.
class ClientConfig {
public:
    // Reads the CA file: on a worker.
    explicit ClientConfig(TlsClientOptions options) : options_(std::move(options))
    {
        mbedtls_ssl_config_init(&config);
        mbedtls_x509_crt_init(&authorities_);
        is_ready = mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT) == 0;
        apply_house_rules(config);
        mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
        if (!options_.ca_file.empty()) verify();
        if (options_.alpn.empty()) return;
        for (const std::string& name : options_.alpn) alpn_names_.push_back(name.c_str());
        alpn_names_.push_back(nullptr);
        is_ready = is_ready && mbedtls_ssl_conf_alpn_protocols(&config, alpn_names_.data()) == 0;
    }
    ClientConfig(const ClientConfig&) = delete;
    ClientConfig& operator=(const ClientConfig&) = delete;
    ~ClientConfig()
    {
        mbedtls_ssl_config_free(&config);
        mbedtls_x509_crt_free(&authorities_);
    }

    mbedtls_ssl_config config{};
    bool is_ready = false;

private:
    void verify()
    {
        // System bundles may hold a certificate that mbedTLS does not understand; the others count.
        const int code = mbedtls_x509_crt_parse_file(&authorities_, options_.ca_file.c_str());
        is_ready = is_ready && code >= 0 && !options_.server_name.empty();
        mbedtls_ssl_conf_ca_chain(&config, &authorities_, nullptr);
        mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    }

    TlsClientOptions options_;
    mbedtls_x509_crt authorities_{};
    std::vector<const char*> alpn_names_;
};

}  // namespace

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tls(Workers& workers, std::unique_ptr<ByteStream> plain,
                                                                   TlsClientOptions options, Deadline deadline)
{
    start_tls_library();
    auto make = [&options]() -> std::shared_ptr<const ClientConfig> { return std::make_shared<ClientConfig>(options); };
    const std::shared_ptr<const ClientConfig> config = co_await workers.run(WorkClass::interactive, std::move(make));
    if (!config->is_ready) co_return IoError::tls;
    auto engine = std::make_shared<TlsEngine>(config->config, config);
    if (!engine->set_server_name(options.server_name)) co_return IoError::tls;
    auto stream = std::make_unique<TlsStream>(std::move(plain), std::move(engine));
    const Result<void, IoError> shaken = co_await stream->handshake(workers, deadline);
    if (!shaken) co_return shaken.error();
    co_return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace mbx::net
