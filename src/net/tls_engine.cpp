#include "net/tls_engine.hpp"

#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <psa/crypto.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mbx::net {
namespace {

constexpr std::size_t kRecordHeader = 5;
// RFC 8446 section 5.2 allows 256 bytes over the plain text, RFC 5246 section 6.2.3 allowed 2048.
constexpr std::size_t kMostRecord = 16384 + 2048;

// RFC 9325 section 4.2: forward secrecy and authenticated encryption only.
constexpr std::array<int, 10> kSuites = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};
constexpr std::array<std::uint16_t, 4> kGroups = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

std::size_t record_byte(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

// RFC 5929 section 4.1: the hash of the certificate's own signature, SHA-256 where that is MD5 or SHA-1.
std::string end_point_of(const mbedtls_x509_crt& certificate)
{
    mbedtls_md_type_t kind = certificate.MBEDTLS_PRIVATE(sig_md);
    if (kind == MBEDTLS_MD_MD5 || kind == MBEDTLS_MD_SHA1) kind = MBEDTLS_MD_SHA256;
    const mbedtls_md_info_t* info = mbedtls_md_info_from_type(kind);
    if (info == nullptr) return {};
    std::string digest(mbedtls_md_get_size(info), '\0');
    auto* into = reinterpret_cast<unsigned char*>(digest.data());
    return mbedtls_md(info, certificate.raw.p, certificate.raw.len, into) == 0 ? digest : std::string();
}

// Change cipher spec, alert, handshake, application data.
bool is_record_type(std::size_t type) { return type >= 20 && type <= 23; }

}  // namespace

void start_tls_library()
{
    static const psa_status_t status = psa_crypto_init();
    if (status == PSA_SUCCESS) return;
    std::fputs("mailboxd: the TLS library finds no randomness; refusing to go on with guessable keys\n", stderr);
    std::abort();
}

int tls_random(void* /*state*/, unsigned char* into, std::size_t size)
{
    return psa_generate_random(into, size) == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_NO_RNG;
}

std::string tls_error_text(int code)
{
    std::array<char, 160> text{};
    mbedtls_strerror(code, text.data(), text.size());
    return text.data();
}

void apply_house_rules(mbedtls_ssl_config& config)
{
    // RFC 8996: nothing below 1.2.
    mbedtls_ssl_conf_min_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_ciphersuites(&config, kSuites.data());
    mbedtls_ssl_conf_groups(&config, kGroups.data());
    mbedtls_ssl_conf_tls13_key_exchange_modes(&config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
                                                           MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
    mbedtls_ssl_conf_renegotiation(&config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_rng(&config, tls_random, nullptr);
#if defined(MBEDTLS_SSL_EARLY_DATA)
    // What arrives as early data can be replayed (RFC 8446 section 8; HOSTILE row B11).
    mbedtls_ssl_conf_early_data(&config, MBEDTLS_SSL_EARLY_DATA_DISABLED);
#endif
}

TlsEngine::TlsEngine(const mbedtls_ssl_config& config, std::shared_ptr<const void> keep) : keep_(std::move(keep))
{
    mbedtls_ssl_init(&ssl_);
    failure_ = mbedtls_ssl_setup(&ssl_, &config);
    is_set_up_ = failure_ == 0;
    mbedtls_ssl_set_user_data_p(&ssl_, this);
    mbedtls_ssl_set_bio(&ssl_, this, send, receive, nullptr);
}

TlsEngine::~TlsEngine() { mbedtls_ssl_free(&ssl_); }

bool TlsEngine::set_server_name(const std::string& name)
{
    return is_set_up_ && mbedtls_ssl_set_hostname(&ssl_, name.empty() ? nullptr : name.c_str()) == 0;
}

void TlsEngine::take_in(std::string_view bytes)
{
    input_.erase(0, taken_);
    visible_ -= taken_;
    taken_ = 0;
    if (input_.empty() && input_.capacity() > 4096) std::string().swap(input_);
    input_ += bytes;
}

// mbedTLS is given whole records only: a peer that sends a byte at a time costs no step per byte. What cannot be a
// record is given at once, to be refused.
void TlsEngine::find_records()
{
    const std::string_view all = input_;
    while (visible_ < all.size() && !input_ended_) {
        const std::string_view rest = all.substr(visible_);
        if (!is_record_type(record_byte(rest, 0))) break;
        if (rest.size() < kRecordHeader) return;
        const std::size_t length = (record_byte(rest, 3) << 8U) | record_byte(rest, 4);
        if (length > kMostRecord) break;
        if (rest.size() < kRecordHeader + length) return;
        visible_ += kRecordHeader + length;
    }
    visible_ = all.size();
}

bool TlsEngine::has_input()
{
    find_records();
    return visible_ > taken_ || input_ended_;
}

int TlsEngine::send(void* self, const unsigned char* bytes, std::size_t size)
{
    static_cast<TlsEngine*>(self)->outgoing.append(reinterpret_cast<const char*>(bytes), size);
    return static_cast<int>(size);
}

int TlsEngine::receive(void* self, unsigned char* into, std::size_t size)
{
    TlsEngine& engine = *static_cast<TlsEngine*>(self);
    engine.find_records();
    const std::size_t count = std::min(size, engine.visible_ - engine.taken_);
    if (count == 0) return engine.input_ended_ ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
    std::memcpy(into, engine.input_.data() + engine.taken_, count);
    engine.taken_ += count;
    return static_cast<int>(count);
}

TlsEngine::Progress TlsEngine::verdict(int code)
{
    if (code == MBEDTLS_ERR_SSL_WANT_READ) return Progress::want_input;
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return Progress::ended;
    truncated_ = code == MBEDTLS_ERR_SSL_CONN_EOF;
    failure_ = code;
    return Progress::failed;
}

TlsEngine::Progress TlsEngine::handshake()
{
    if (!is_set_up_) return Progress::failed;
    const int code = mbedtls_ssl_handshake(&ssl_);
    return code == 0 ? Progress::done : verdict(code);
}

TlsEngine::Progress TlsEngine::read(std::span<char> into, std::size_t& got)
{
    int code = 0;
    do {
        code = mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(into.data()), into.size());
    } while (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
    if (code > 0) {
        got = static_cast<std::size_t>(code);
        return Progress::done;
    }
    // mbedTLS says 0 for an end without close_notify.
    return verdict(code == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : code);
}

bool TlsEngine::write(std::string_view bytes)
{
    // Header, type and tag around each record of 16 KiB, at the most of either version.
    constexpr std::size_t kRecord = 16 * 1024;
    constexpr std::size_t kAround = 64;
    outgoing.reserve(outgoing.size() + bytes.size() + (bytes.size() / kRecord + 1) * kAround);
    while (!bytes.empty()) {
        const int code = mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
        if (code <= 0) {
            failure_ = code;
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(code));
    }
    return true;
}

void TlsEngine::close_notify() { (void)mbedtls_ssl_close_notify(&ssl_); }

std::uint32_t TlsEngine::verify_flags() const
{
    constexpr std::uint32_t kNotLookedAt = UINT32_MAX;
    const std::uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
    return flags == kNotLookedAt ? 0 : flags & ~std::uint32_t{MBEDTLS_X509_BADCERT_SKIP_VERIFY};
}

const mbedtls_x509_crt* TlsEngine::peer_chain() const { return mbedtls_ssl_get_peer_cert(&ssl_); }

void TlsEngine::refuse_certificate()
{
    (void)mbedtls_ssl_send_alert_message(&ssl_, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
}

TlsFacts TlsEngine::facts() const
{
    const auto text_of = [](const char* text) { return std::string(text == nullptr ? "" : text); };
    TlsFacts facts;
    facts.protocol = text_of(mbedtls_ssl_get_version(&ssl_));
    facts.cipher = text_of(mbedtls_ssl_get_ciphersuite(&ssl_));
    facts.alpn = text_of(mbedtls_ssl_get_alpn_protocol(&ssl_));
    facts.server_name = server_name;
    return facts;
}

std::string TlsEngine::channel_binding(ChannelBinding kind)
{
    if (!is_set_up_ || mbedtls_ssl_is_handshake_over(&ssl_) == 0) return {};
    if (kind == ChannelBinding::tls_server_end_point) {
        const mbedtls_x509_crt* shown = own_certificate_ ? own_certificate_ : mbedtls_ssl_get_peer_cert(&ssl_);
        return shown == nullptr ? std::string() : end_point_of(*shown);
    }
    // RFC 9266 section 4.2 wants the extended master secret before TLS 1.3; mbedTLS does not tell whether it is there.
    if (mbedtls_ssl_get_version_number(&ssl_) != MBEDTLS_SSL_VERSION_TLS1_3) return {};
#if defined(MBEDTLS_SSL_KEYING_MATERIAL_EXPORT)
    constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
    constexpr unsigned char kNoContext = 0;
    std::string exported(32, '\0');
    const int code = mbedtls_ssl_export_keying_material(&ssl_, reinterpret_cast<unsigned char*>(exported.data()),
                                                        exported.size(), kLabel.data(), kLabel.size(), &kNoContext, 0, 1);
    if (code == 0) return exported;
#endif
    return {};
}

}  // namespace mbx::net
