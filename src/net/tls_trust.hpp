// What a server's certificate is worth: authorities read once and shared, TLSA records compared. Inside net/ only. Any
// thread; reading and judging compute, so they belong on a worker.
#pragma once

#include <mbedtls/x509_crt.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/tls.hpp"

namespace mbx::net {

// The certificates of a PEM file. Unchanging.
class Authorities {
public:
    // The same as last time while the file is the same; null when it holds none or cannot be read.
    static std::shared_ptr<const Authorities> of(const std::string& path);
    Authorities() { mbedtls_x509_crt_init(&chain); }
    Authorities(const Authorities&) = delete;
    Authorities& operator=(const Authorities&) = delete;
    ~Authorities() { mbedtls_x509_crt_free(&chain); }

    mutable mbedtls_x509_crt chain{};  // mbedTLS wants it mutable and leaves it as it is
};

// Of mbedTLS's flags the one fault that says most, and all of them in words.
TlsOutcome outcome_of(std::uint32_t verify_flags);

// The chain against the records: usage 3 by the leaf alone, whatever its name and dates; usage 2 by an authority of the
// chain, and one of `names` (RFC 7671 section 5, RFC 7672 section 3).
TlsOutcome judge_by_tlsa(const mbedtls_x509_crt& chain, const std::vector<TlsaRecord>& records,
                         const std::vector<std::string>& names);

}  // namespace mbx::net
