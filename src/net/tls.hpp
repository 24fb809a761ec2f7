// TLS 1.2 and 1.3 by mbedTLS 3.6 over any ByteStream. A handshake computes on the workers and waits for the network on
// the loop; records are sealed and opened on the loop. Suites with forward secrecy and authenticated encryption only
// (RFC 9325), groups X25519, P-256 and P-384, no renegotiation, no early data, tickets in both versions. Loop thread.
//
// A stream of TLS ends in one of two ways: with close_notify read_some() gives 0, without it IoError::reset, because
// somebody may have cut it short. Sessions say shutdown_write() at their orderly end, so that the peer hears close_notify.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/byte_stream.hpp"
#include "net/dns_record.hpp"
#include "net/workers.hpp"

namespace mbx::net {

struct CertificateFiles {
    std::string certificate_path;  // PEM chain, leaf first
    std::string key_path;          // PEM
};

// What is loaded, for status views and alarms.
struct CertificateFacts {
    std::vector<std::string> names;  // DNS names in lower case, the subject's name where there are none
    WallTime not_after;
    bool is_self_signed = false;
};

// A server's certificates, chosen by SNI, and its ticket keys. Replaced as a whole by load(): sessions under way keep
// the set they began with; a bad pair is refused and the old set stays (HOSTILE row B10).
class TlsServer {
public:
    TlsServer(Workers& workers, Log log);
    ~TlsServer();

    struct Certificates;
    // Reads and checks every pair (key matches, not expired, key file readable by its owner alone). Any thread: a reload
    // reads on a worker.
    static Result<std::shared_ptr<const Certificates>, Error> read(const std::vector<CertificateFiles>& files);
    // From the next handshake on. The first pair answers when SNI is absent or names nobody.
    void use(std::shared_ptr<const Certificates> certificates);
    // Both in one, for the start.
    Result<void, Error> load(const std::vector<CertificateFiles>& files);
    bool is_ready() const;
    std::vector<CertificateFacts> certificates() const;

    // The handshake, until `deadline`. `alpn` lists what this port speaks ("imap", "smtp" has none in the registry of
    // its own: empty accepts any); a client that offers only others is refused (HOSTILE row B9).
    // The plain stream is consumed; on failure it is gone and closed.
    co::Task<Result<std::unique_ptr<ByteStream>, IoError>> accept(std::unique_ptr<ByteStream> plain,
                                                                  std::vector<std::string> alpn, Deadline deadline);

private:
    struct State;
    std::shared_ptr<State> state_;
};

struct SelfSigned {
    std::string certificate_pem;
    std::string key_pem;  // secret: into a file of mode 0600, by the caller
};

// A certificate for a machine that has none yet: ECDSA P-256, for host names and IP addresses, valid for so many days
// from yesterday on. Takes some milliseconds; any thread.
Result<SelfSigned, Error> make_self_signed(const std::vector<std::string>& names, int days, Random& random);

// Why a client's handshake failed, for who must say so (RFC 8460 section 4.3, traces).
enum class TlsFault : std::uint8_t {
    none,
    network,         // the stream broke, or the time was over
    protocol,        // no version, suite or key in common; nonsense
    expired,         // not valid any more, or not yet
    wrong_name,
    untrusted,       // no authority that we know vouches for it, or a signature or key is too weak
    no_tlsa_match,   // none of the TLSA records fits it
    no_authorities,  // our own file of authorities cannot be read
};

// Filled at the end of a handshake, whichever end it was.
struct TlsOutcome {
    TlsTrust trust = TlsTrust::none;
    TlsFault fault = TlsFault::none;
    std::string why;  // in words, for a fault
};

struct TlsClientOptions {
    std::string server_name;      // SNI, and the name to verify
    std::string ca_file;          // PEM; empty, and no `tlsa`: nothing is verified (opportunistic)
    std::vector<std::string> alpn;
    // DANE: one of these must fit, and `ca_file` is not looked at. Of usage 2 and 3 (is_usable_tlsa); others never fit.
    std::vector<TlsaRecord> tlsa = {};
    // Names of which one must be the certificate's under DANE-TA, besides server_name (RFC 7672 section 3.2.2).
    std::vector<std::string> other_names = {};
    std::shared_ptr<TlsOutcome> outcome = nullptr;  // told there, when wanted
};

// Whether a TLSA record can be used for SMTP: usage DANE-TA(2) or DANE-EE(3), selector 0 or 1, matching 0, 1 or 2 with data
// of the right length (RFC 7672 section 3.1, RFC 6698 section 2.1). Pure.
bool is_usable_tlsa(const TlsaRecord& record);

// The client's handshake, until `deadline`. IoError::tls also for a certificate that is not believed.
co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tls(Workers& workers, std::unique_ptr<ByteStream> plain,
                                                                   TlsClientOptions options, Deadline deadline);

}  // namespace mbx::net
