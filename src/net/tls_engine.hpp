// One TLS connection of mbedTLS between two memory buffers: what came from the network goes into `take_in`, what goes to
// the network is taken from `outgoing`. It never waits and knows no socket, so a handshake can run a step on a worker
// while the loop does the network's part. Inside net/ only. One thread at a time.
#pragma once

#include <mbedtls/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/byte_stream.hpp"

namespace mbx::net {

// Prepares mbedTLS once per process; ends the process when it has no randomness (HOSTILE row G15).
void start_tls_library();
// mbedTLS's kind of random callback, over its own generator. Any thread.
int tls_random(void* state, unsigned char* into, std::size_t size);
// mbedTLS's number as text, without its number.
std::string tls_error_text(int code);
// Protocols, suites, groups and randomness as both sides want them. `config` is initialised and has its defaults.
void apply_house_rules(mbedtls_ssl_config& config);

class TlsEngine {
public:
    enum class Progress : std::uint8_t { done, want_input, failed, ended };

    // `config` stays alive by `keep`.
    TlsEngine(const mbedtls_ssl_config& config, std::shared_ptr<const void> keep);
    ~TlsEngine();
    TlsEngine(const TlsEngine&) = delete;
    TlsEngine& operator=(const TlsEngine&) = delete;

    // A client's: the name it asks for and verifies; empty for none.
    bool set_server_name(const std::string& name);
    // Bytes of the network; `at_end` when it said that nothing more comes.
    void take_in(std::string_view bytes);
    void end_input() { input_ended_ = true; }
    // Whether a step could get further: a whole record is there, or something that can never become one.
    bool has_input();

    Progress handshake();
    // `got` is more than 0 when done. ended: the peer said close_notify. failed with truncated(): the peer is gone
    // without it, and what was read may be cut short.
    Progress read(std::span<char> into, std::size_t& got);
    bool write(std::string_view bytes);
    void close_notify();

    std::string outgoing;
    std::string server_name;  // SNI as the client sent it; set by the server's callback
    bool truncated() const { return truncated_; }
    std::string failure() const { return tls_error_text(failure_); }
    TlsFacts facts() const;
    // What a client found wrong with the chain, in mbedTLS's flags; 0: nothing, or it was not looked at.
    std::uint32_t verify_flags() const;
    // Of a client whose handshake is over: the chain that the server showed, leaf first; null without.
    const mbedtls_x509_crt* peer_chain() const;
    // A fatal alert into `outgoing`: after it nothing more can be said.
    void refuse_certificate();
    // Of a finished handshake.
    std::string channel_binding(ChannelBinding kind);
    // A server's: the certificate that it shows, kept alive by `keep`. A client has the other side's.
    void set_own_certificate(const mbedtls_x509_crt& certificate) { own_certificate_ = &certificate; }

private:
    static int send(void* self, const unsigned char* bytes, std::size_t size);
    static int receive(void* self, unsigned char* into, std::size_t size);
    void find_records();
    Progress verdict(int code);

    std::shared_ptr<const void> keep_;
    const mbedtls_x509_crt* own_certificate_ = nullptr;
    mbedtls_ssl_context ssl_{};
    bool is_set_up_ = false;
    std::string input_;
    std::size_t taken_ = 0;    // of input_, by mbedTLS
    std::size_t visible_ = 0;  // of input_: the end of the last whole record
    bool input_ended_ = false;
    bool truncated_ = false;
    int failure_ = 0;
};

}  // namespace mbx::net
