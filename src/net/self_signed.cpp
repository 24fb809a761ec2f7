// The certificate of a machine that has none yet.
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <list>

#include "base/ascii.hpp"
#include "net/tls.hpp"
#include "net/tls_engine.hpp"

namespace mbx::net {
namespace {

constexpr std::size_t kMostMadePem = 8192;

int random_bytes(void* random, unsigned char* into, std::size_t size)
{
    static_cast<Random*>(random)->fill({into, size});
    return 0;
}

// RFC 5280 section 4.1.2.5 in the form that mbedTLS takes.
std::string time_text(WallTime time)
{
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S", &parts);
    return {text.data(), size};
}

bool is_host_name(std::string_view name)
{
    // No comma, equals sign or plus: the name also becomes the subject's CN, whose grammar these have a meaning in.
    const auto fits = [](char c) { return ascii::is_alnum(c) || c == '-' || c == '.' || c == '*' || c == '_'; };
    return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, fits);
}

// The names in the form of RFC 5280 section 4.2.1.6, as a list of C.
class AlternativeNames {
public:
    void add(const std::string& name)
    {
        mbedtls_x509_san_list item{};
        std::string& text = texts_.emplace_back(name);
        item.node.type = MBEDTLS_X509_SAN_DNS_NAME;
        if (const auto address = IpAddress::parse(name)) {
            const auto& bytes = address->bytes();
            text.assign(bytes.begin() + (address->is_v4() ? 12 : 0), bytes.end());
            item.node.type = MBEDTLS_X509_SAN_IP_ADDRESS;
        }
        item.node.san.unstructured_name.p = reinterpret_cast<unsigned char*>(text.data());
        item.node.san.unstructured_name.len = text.size();
        items_.push_back(item);
    }
    const mbedtls_x509_san_list* head()
    {
        mbedtls_x509_san_list* next = nullptr;
        for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
            item->next = next;
            next = &*item;
        }
        return next;
    }

private:
    std::list<std::string> texts_;
    std::list<mbedtls_x509_san_list> items_;
};

class Writer {
public:
    Writer()
    {
        mbedtls_pk_init(&key);
        mbedtls_x509write_crt_init(&certificate);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer()
    {
        mbedtls_x509write_crt_free(&certificate);
        mbedtls_pk_free(&key);
    }
    // The first failure of a row of steps stays; later steps are not done.
    template <typename Step>
    void then(Step step)
    {
        if (code == 0) code = step();
    }

    mbedtls_pk_context key{};
    mbedtls_x509write_cert certificate{};
    int code = 0;
};

void make_key(Writer& writer, Random& random)
{
    writer.then([&] { return mbedtls_pk_setup(&writer.key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)); });
    writer.then([&] {
        return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(writer.key), random_bytes, &random);
    });
}

void describe_certificate(Writer& writer, const std::vector<std::string>& names, int days, Random& random)
{
    mbedtls_x509write_cert& certificate = writer.certificate;
    mbedtls_x509write_crt_set_version(&certificate, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&certificate, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&certificate, &writer.key);
    mbedtls_x509write_crt_set_issuer_key(&certificate, &writer.key);

    // A CN holds 64 bytes at most (RFC 5280 appendix A.1); the names that count are the alternative ones.
    const std::string subject = "CN=" + (names.front().size() <= 64 ? names.front() : std::string("mailboxd"));
    writer.then([&] { return mbedtls_x509write_crt_set_subject_name(&certificate, subject.c_str()); });
    writer.then([&] { return mbedtls_x509write_crt_set_issuer_name(&certificate, subject.c_str()); });

    std::array<unsigned char, 16> serial{};
    random.fill(serial);
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7fU) | 0x40U);  // positive and of full length
    writer.then([&] { return mbedtls_x509write_crt_set_serial_raw(&certificate, serial.data(), serial.size()); });

    // A day back: the clocks of two machines differ.
    const WallTime now = std::chrono::system_clock::now();
    const WallTime until = now + std::chrono::hours(24) * days;
    const std::string from = time_text(std::min(now, until) - std::chrono::hours(24));
    writer.then([&] {
        return mbedtls_x509write_crt_set_validity(&certificate, from.c_str(), time_text(until).c_str());
    });
    AlternativeNames alternatives;
    for (const std::string& name : names) alternatives.add(name);
    writer.then([&] {
        return mbedtls_x509write_crt_set_subject_alternative_name(&certificate, alternatives.head());
    });
    writer.then([&] { return mbedtls_x509write_crt_set_basic_constraints(&certificate, 0, -1); });
    writer.then([&] {
        return mbedtls_x509write_crt_set_key_usage(&certificate, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    });
}

}  // namespace

Result<SelfSigned, Error> make_self_signed(const std::vector<std::string>& names, int days, Random& random)
{
    start_tls_library();
    const std::string attempted = "making a self-signed certificate";
    if (names.empty()) return Error{attempted, "no name is given", "give the host name of this machine"};
    for (const std::string& name : names) {
        if (!is_host_name(name) && !IpAddress::parse(name)) {
            return Error{attempted, "\"" + ascii::printable(name) + "\" is no host name", "give a host name"};
        }
    }
    Writer writer;
    make_key(writer, random);
    describe_certificate(writer, names, days, random);
    std::array<unsigned char, kMostMadePem> certificate{};
    std::array<unsigned char, kMostMadePem> key{};
    writer.then([&] {
        return mbedtls_x509write_crt_pem(&writer.certificate, certificate.data(), certificate.size(), random_bytes,
                                         &random);
    });
    writer.then([&] { return mbedtls_pk_write_key_pem(&writer.key, key.data(), key.size()); });
    if (writer.code != 0) return Error{attempted, tls_error_text(writer.code), ""};
    SelfSigned made;
    made.certificate_pem = reinterpret_cast<const char*>(certificate.data());
    made.key_pem = reinterpret_cast<const char*>(key.data());
    mbedtls_platform_zeroize(key.data(), key.size());
    return made;
}

}  // namespace mbx::net
