// Certificates and their keys, as a server shows them. Inside net/ only; the value is unchanging once made, any thread.
#pragma once

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"
#include "net/tls.hpp"

namespace mbx::net {

class CertificatePair {
public:
    // Reads and checks both files: the chain is whole, the leaf not expired, the key its own and readable by its owner
    // alone. The error names the file.
    static Result<std::unique_ptr<CertificatePair>, Error> load(const CertificateFiles& files);
    CertificatePair(const CertificatePair&) = delete;
    CertificatePair& operator=(const CertificatePair&) = delete;
    ~CertificatePair();

    // Whether the leaf is for that host: one of its DNS names, where "*" stands for one whole first label (RFC 6125
    // section 6.4.3).
    bool serves(std::string_view host) const;
    CertificateFacts facts() const;

    // mbedTLS wants them mutable and leaves them as they are.
    mutable mbedtls_x509_crt chain{};
    mutable mbedtls_pk_context key{};

private:
    CertificatePair();
    Result<void, Error> load_chain(const std::string& path);
    Result<void, Error> load_key(const std::string& path);
    void learn_names();

    std::vector<std::string> names_;  // in lower case
};

}  // namespace mbx::net
