#include "net/tls_trust.hpp"

#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <sys/stat.h>

#include <array>
#include <map>
#include <mutex>
#include <utility>

namespace mbx::net {
namespace {

constexpr std::uint8_t kTrustAnchor = 2;
constexpr std::uint8_t kEndEntity = 3;
constexpr std::size_t kMostChain = 32;
constexpr std::size_t kMostFiles = 8;

struct FileStamp {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    bool operator==(const FileStamp&) const = default;
};

std::string_view bytes_of(const mbedtls_x509_buf& buffer)
{
    return {reinterpret_cast<const char*>(buffer.p), buffer.len};
}
const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

std::string digest(mbedtls_md_type_t kind, std::string_view bytes)
{
    const mbedtls_md_info_t* info = mbedtls_md_info_from_type(kind);
    if (info == nullptr) return {};
    std::string made(mbedtls_md_get_size(info), '\0');
    auto* into = reinterpret_cast<unsigned char*>(made.data());
    return mbedtls_md(info, raw(bytes), bytes.size(), into) == 0 ? made : std::string();
}

bool fits(const TlsaRecord& record, const mbedtls_x509_crt& certificate)
{
    const std::string_view selected = bytes_of(record.selector == 0 ? certificate.raw : certificate.pk_raw);
    switch (record.matching) {
    case 0: return selected == record.data;
    case 1: return digest(MBEDTLS_MD_SHA256, selected) == record.data;
    case 2: return digest(MBEDTLS_MD_SHA512, selected) == record.data;
    default: return false;
    }
}

// One certificate as the only authority.
struct Anchor {
    mbedtls_x509_crt certificate{};
    Anchor() { mbedtls_x509_crt_init(&certificate); }
    Anchor(const Anchor&) = delete;
    Anchor& operator=(const Anchor&) = delete;
    ~Anchor() { mbedtls_x509_crt_free(&certificate); }
};

std::uint32_t verify_below(const mbedtls_x509_crt& chain, std::string_view anchor_der, const std::string& name)
{
    Anchor anchor;
    if (mbedtls_x509_crt_parse_der(&anchor.certificate, raw(anchor_der), anchor_der.size()) != 0) {
        return MBEDTLS_X509_BADCERT_NOT_TRUSTED;
    }
    std::uint32_t flags = 0;
    const int code = mbedtls_x509_crt_verify_with_profile(const_cast<mbedtls_x509_crt*>(&chain), &anchor.certificate, nullptr,
                                                          &mbedtls_x509_crt_profile_default, name.c_str(), &flags, nullptr,
                                                          nullptr);
    if (code != 0 && flags == 0) return MBEDTLS_X509_BADCERT_OTHER;
    return flags;
}

// The best that an anchor gives for any of the names.
std::uint32_t verify_names(const mbedtls_x509_crt& chain, std::string_view anchor, const std::vector<std::string>& names)
{
    std::uint32_t first = MBEDTLS_X509_BADCERT_CN_MISMATCH;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::uint32_t flags = verify_below(chain, anchor, names[i]);
        if (flags == 0) return 0;
        if (i == 0) first = flags;
    }
    return first;
}

// 0: believed. Otherwise why the anchor that was found is not enough; none: there is no such anchor.
std::optional<std::uint32_t> verify_by_anchor(const mbedtls_x509_crt& chain, const TlsaRecord& record,
                                              const std::vector<std::string>& names)
{
    std::optional<std::uint32_t> verdict;
    std::size_t depth = 0;
    for (const auto* at = &chain; at != nullptr && depth < kMostChain; at = at->next, ++depth) {
        // RFC 7671 section 5.2: the anchor issued the leaf, directly or not; a leaf that is its own issuer counts too.
        const bool is_own_issuer = bytes_of(at->issuer_raw) == bytes_of(at->subject_raw);
        if ((depth == 0 && !is_own_issuer) || !fits(record, *at)) continue;
        verdict = verify_names(chain, bytes_of(at->raw), names);
        if (*verdict == 0) return verdict;
    }
    // A whole certificate in the record may be missing in the chain (RFC 7672 section 3.1.2).
    if (!verdict && record.selector == 0 && record.matching == 0) verdict = verify_names(chain, record.data, names);
    return verdict;
}

}  // namespace

std::string_view describe(TlsTrust trust)
{
    switch (trust) {
    case TlsTrust::none: return "unverified";
    case TlsTrust::authorities: return "verified";
    case TlsTrust::dane_ee: return "DANE-EE";
    case TlsTrust::dane_ta: return "DANE-TA";
    }
    return "unverified";
}

bool is_usable_tlsa(const TlsaRecord& record)
{
    if (record.usage != kTrustAnchor && record.usage != kEndEntity) return false;
    if (record.selector > 1) return false;
    switch (record.matching) {
    case 0: return !record.data.empty();
    case 1: return record.data.size() == 32;
    case 2: return record.data.size() == 64;
    default: return false;
    }
}

std::shared_ptr<const Authorities> Authorities::of(const std::string& path)
{
    static std::mutex mutex;
    static std::map<std::string, std::pair<FileStamp, std::shared_ptr<const Authorities>>> known;
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) return nullptr;
    const FileStamp stamp{facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, facts.st_ino, facts.st_size};
    const std::lock_guard lock(mutex);
    const auto found = known.find(path);
    if (found != known.end() && found->second.first == stamp) return found->second.second;
    const auto made = std::make_shared<Authorities>();
    // System bundles may hold a certificate that mbedTLS does not understand; the others count.
    if (mbedtls_x509_crt_parse_file(&made->chain, path.c_str()) < 0 || made->chain.raw.len == 0) return nullptr;
    if (known.size() >= kMostFiles && found == known.end()) known.clear();
    known[path] = {stamp, made};
    return made;
}

TlsOutcome outcome_of(std::uint32_t flags)
{
    constexpr std::uint32_t kDates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
    constexpr std::array<std::pair<std::uint32_t, std::string_view>, 8> kWords{{
        {MBEDTLS_X509_BADCERT_EXPIRED, "it has expired"},
        {MBEDTLS_X509_BADCERT_FUTURE, "it is not valid yet"},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH, "it is for another name"},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "no authority that we know vouches for it"},
        {MBEDTLS_X509_BADCERT_BAD_MD, "it is signed with a hash that is too weak"},
        {MBEDTLS_X509_BADCERT_BAD_KEY, "its key is too weak"},
        {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, "it is not meant for a server"},
        {MBEDTLS_X509_BADCERT_MISSING, "there is none"},
    }};
    TlsOutcome outcome;
    if (flags == 0) return outcome;
    if ((flags & kDates) != 0) outcome.fault = TlsFault::expired;
    else if (flags == MBEDTLS_X509_BADCERT_CN_MISMATCH) outcome.fault = TlsFault::wrong_name;
    else outcome.fault = TlsFault::untrusted;
    for (const auto& [flag, words] : kWords) {
        if ((flags & flag) == 0) continue;
        outcome.why += outcome.why.empty() ? "the certificate is not believed: " : ", ";
        outcome.why += words;
    }
    if (outcome.why.empty()) outcome.why = "the certificate is not believed";
    return outcome;
}

TlsOutcome judge_by_tlsa(const mbedtls_x509_crt& chain, const std::vector<TlsaRecord>& records,
                         const std::vector<std::string>& names)
{
    TlsOutcome outcome;
    for (const TlsaRecord& record : records) {
        if (!is_usable_tlsa(record) || record.usage != kEndEntity || !fits(record, chain)) continue;
        outcome.trust = TlsTrust::dane_ee;
        return outcome;
    }
    std::optional<std::uint32_t> verdict;
    for (const TlsaRecord& record : records) {
        if (!is_usable_tlsa(record) || record.usage != kTrustAnchor) continue;
        const auto found = verify_by_anchor(chain, record, names);
        if (!found) continue;
        if (*found == 0) {
            outcome.trust = TlsTrust::dane_ta;
            return outcome;
        }
        verdict = found;
    }
    if (verdict) return outcome_of(*verdict);
    outcome.fault = TlsFault::no_tlsa_match;
    outcome.why = "the certificate is none of those that the TLSA records allow";
    return outcome;
}

}  // namespace mbx::net
