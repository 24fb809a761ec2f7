// Hostile bytes into a server's side of TLS: into the handshake from its first record on, or (by the first byte) into
// the records behind a handshake of our own client. Nothing waits for ever, nothing but an end or a failure comes out.
#include <mbedtls/ssl.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>

#include "net/tls_certificate.hpp"
#include "net/tls_engine.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace mbx;
using net::TlsEngine;

void must(bool holds)
{
    if (!holds) std::abort();
}

// Configurations of both sides and the server's certificate, made once.
struct Ground {
    std::unique_ptr<net::CertificatePair> pair;
    mbedtls_ssl_config server{};
    mbedtls_ssl_config client{};

    Ground()
    {
        net::start_tls_library();
        SeededRandom random(1);
        const test::TemporaryFolder folder;
        const auto made = net::make_self_signed({"mx.example.org"}, 30, random);
        auto loaded = net::CertificatePair::load({folder.write("c", made->certificate_pem), folder.write("k", made->key_pem, 0600)});
        pair = std::move(*loaded);
        for (auto* config : {&server, &client}) {
            mbedtls_ssl_config_init(config);
            mbedtls_ssl_config_defaults(config, config == &server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
            net::apply_house_rules(*config);
        }
        mbedtls_ssl_conf_authmode(&client, MBEDTLS_SSL_VERIFY_NONE);
        mbedtls_ssl_conf_own_cert(&server, &pair->chain, &pair->key);
    }
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;
    ~Ground()
    {
        mbedtls_ssl_config_free(&server);
        mbedtls_ssl_config_free(&client);
    }
};

void move_bytes(TlsEngine& from, TlsEngine& to)
{
    to.take_in(from.outgoing);
    from.outgoing.clear();
}

bool shake(TlsEngine& client, TlsEngine& server)
{
    for (int i = 0; i < 10; ++i) {
        const auto ours = client.handshake();
        move_bytes(client, server);
        const auto theirs = server.handshake();
        move_bytes(server, client);
        if (ours == TlsEngine::Progress::done && theirs == TlsEngine::Progress::done) return true;
    }
    return false;
}

void feed_handshake(TlsEngine& server, std::string_view bytes, std::size_t piece)
{
    while (!bytes.empty()) {
        server.take_in(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        if (!server.has_input()) continue;
        const auto progress = server.handshake();
        must(progress == TlsEngine::Progress::want_input || progress == TlsEngine::Progress::failed ||
             progress == TlsEngine::Progress::ended);
        if (progress != TlsEngine::Progress::want_input) return;
    }
    server.end_input();
    must(server.handshake() != TlsEngine::Progress::want_input);
}

void feed_records(TlsEngine& server, std::string_view bytes, std::size_t piece)
{
    std::array<char, 1000> into{};
    std::size_t got = 0;
    while (!bytes.empty()) {
        server.take_in(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        const auto progress = server.read(into, got);
        // Nobody without the keys makes a record that opens.
        must(progress != TlsEngine::Progress::done);
        if (progress != TlsEngine::Progress::want_input) return;
    }
    server.end_input();
    must(server.read(into, got) != TlsEngine::Progress::want_input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const Ground ground;
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t piece = std::size_t{data[1]} * 16 + 1;
    TlsEngine server(ground.server, nullptr);
    // One in four: the handshake behind which records come is the dear part.
    if ((data[0] & 3U) != 0) {
        feed_handshake(server, bytes, piece);
        return 0;
    }
    TlsEngine client(ground.client, nullptr);
    must(client.set_server_name("mx.example.org"));
    must(shake(client, server));
    feed_records(server, bytes, piece);
    return 0;
}
