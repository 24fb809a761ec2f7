#include "net/tls_certificate.hpp"

#include <fcntl.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/ascii.hpp"
#include "net/tls_engine.hpp"

namespace mbx::net {
namespace {

constexpr off_t kMostPemFile = 1024 * 1024;
constexpr std::string_view kCertificateMark = "-----BEGIN CERTIFICATE-----";
constexpr int kDnsName = 2;  // RFC 5280 section 4.2.1.6

std::string reason_text(int error) { return std::generic_category().message(error); }

// A text that is wiped when it goes: it may be a key.
struct SecretText {
    std::string text;
    SecretText() = default;
    SecretText(SecretText&&) = default;
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    SecretText& operator=(SecretText&&) = delete;
    ~SecretText() { mbedtls_platform_zeroize(text.data(), text.size()); }
};

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor()
    {
        if (number_ >= 0) ::close(number_);
    }
    int number() const { return number_; }

private:
    int number_;
};

// The mode is asked of the open file, so that nobody can change it for another in between (HOSTILE row J6).
Result<SecretText, Error> read_pem(const std::string& path, const std::string& attempted, bool owner_only)
{
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.number() < 0) {
        return Error{attempted, reason_text(errno), "check that the file exists and mailboxd's user may read it"};
    }
    struct stat facts {};
    if (::fstat(file.number(), &facts) != 0) return Error{attempted, reason_text(errno), ""};
    if (!S_ISREG(facts.st_mode) || facts.st_size > kMostPemFile) {
        return Error{attempted, "this is no PEM file", "give the path of a PEM file"};
    }
    if (owner_only && (facts.st_mode & 077U) != 0) {
        return Error{attempted, "others than its owner may read the private key", "run chmod 600 " + path};
    }
    SecretText pem;
    pem.text.resize(static_cast<std::size_t>(facts.st_size));
    std::size_t at = 0;
    while (at < pem.text.size()) {
        const ssize_t got = ::read(file.number(), pem.text.data() + at, pem.text.size() - at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error{attempted, reason_text(errno), ""};
        if (got == 0) break;
        at += static_cast<std::size_t>(got);
    }
    pem.text.resize(at);
    return pem;
}

std::size_t count_of(std::string_view text, std::string_view mark)
{
    std::size_t count = 0;
    for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size())) ++count;
    return count;
}

std::size_t length_of(const mbedtls_x509_crt& chain)
{
    std::size_t length = 0;
    for (const auto* at = &chain; at != nullptr && at->raw.p != nullptr; at = at->next) ++length;
    return length;
}

}  // namespace

CertificatePair::CertificatePair()
{
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
}

CertificatePair::~CertificatePair()
{
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&chain);
}

Result<void, Error> CertificatePair::load_chain(const std::string& path)
{
    const std::string attempted = "reading the certificate " + path;
    const auto pem = read_pem(path, attempted, false);
    if (!pem) return pem.error();
    // mbedTLS counts the end mark of the text as part of it.
    const auto* bytes = reinterpret_cast<const unsigned char*>(pem->text.c_str());
    const int code = mbedtls_x509_crt_parse(&chain, bytes, pem->text.size() + 1);
    if (code < 0) return Error{attempted, tls_error_text(code), "give a PEM file with the certificate first"};
    // A chain whose last certificate is cut short parses as a shorter chain.
    if (code > 0 || length_of(chain) != count_of(pem->text, kCertificateMark)) {
        return Error{attempted, "a certificate in the file is damaged or cut short", "write the file again"};
    }
    if (mbedtls_x509_time_is_past(&chain.valid_to) != 0) {
        return Error{attempted, "the certificate has expired", "renew it, or check the machine's clock"};
    }
    return {};
}

Result<void, Error> CertificatePair::load_key(const std::string& path)
{
    const std::string attempted = "reading the private key " + path;
    const auto pem = read_pem(path, attempted, true);
    if (!pem) return pem.error();
    const auto* bytes = reinterpret_cast<const unsigned char*>(pem->text.c_str());
    const int code = mbedtls_pk_parse_key(&key, bytes, pem->text.size() + 1, nullptr, 0, tls_random, nullptr);
    if (code != 0) return Error{attempted, tls_error_text(code), "give a PEM file with a key without password"};
    if (mbedtls_pk_check_pair(&chain.pk, &key, tls_random, nullptr) != 0) {
        return Error{attempted, "the key does not belong to the certificate",
                     "give the key that the certificate was made for"};
    }
    return {};
}

void CertificatePair::learn_names()
{
    for (const auto* at = &chain.subject_alt_names; at != nullptr && at->buf.p != nullptr; at = at->next) {
        if ((at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) != kDnsName) continue;
        names_.push_back(ascii::to_lower({reinterpret_cast<const char*>(at->buf.p), at->buf.len}));
    }
    if (!names_.empty()) return;
    for (const auto* at = &chain.subject; at != nullptr; at = at->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &at->oid) != 0) continue;
        names_.push_back(ascii::to_lower({reinterpret_cast<const char*>(at->val.p), at->val.len}));
    }
}

Result<std::unique_ptr<CertificatePair>, Error> CertificatePair::load(const CertificateFiles& files)
{
    start_tls_library();
    std::unique_ptr<CertificatePair> pair(new CertificatePair);
    const auto chain_loaded = pair->load_chain(files.certificate_path);
    if (!chain_loaded) return chain_loaded.error();
    const auto key_loaded = pair->load_key(files.key_path);
    if (!key_loaded) return key_loaded.error();
    pair->learn_names();
    return pair;
}

CertificateFacts CertificatePair::facts() const
{
    const mbedtls_x509_time& end = chain.valid_to;
    const std::chrono::year_month_day date(std::chrono::year(end.year), std::chrono::month(static_cast<unsigned>(end.mon)),
                                           std::chrono::day(static_cast<unsigned>(end.day)));
    // In seconds from midnight: a date far in the future does not fit the clock's own, finer unit.
    const std::chrono::sys_seconds until = std::chrono::sys_days(date) + std::chrono::hours(end.hour) +
                                           std::chrono::minutes(end.min) + std::chrono::seconds(end.sec);
    const auto latest = std::chrono::floor<std::chrono::seconds>(WallTime::max());
    const auto& issuer = chain.issuer_raw;
    const auto& subject = chain.subject_raw;
    CertificateFacts facts;
    facts.names = names_;
    facts.not_after = std::min(until, latest);
    facts.is_self_signed = std::equal(issuer.p, issuer.p + issuer.len, subject.p, subject.p + subject.len);
    return facts;
}

bool CertificatePair::serves(std::string_view host) const
{
    const std::string wanted = ascii::to_lower(host);
    const std::size_t dot = wanted.find('.');
    const std::string wildcard = dot == std::string::npos || dot == 0 ? std::string() : "*" + wanted.substr(dot);
    return std::ranges::any_of(names_, [&](const std::string& name) {
        return name == wanted || (!wildcard.empty() && name == wildcard);
    });
}

}  // namespace mbx::net
