// TLS 1.2 and 1.3 by mbedTLS 3.6 over any ByteStream. Handshakes run on the workers, records on the loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/byte_stream.hpp"
#include "net/workers.hpp"

namespace mbx::net {

struct CertificateFiles {
    std::string certificate_path;  // PEM chain, leaf first
    std::string key_path;          // PEM
};

// A server's certificates, chosen by SNI, and its ticket keys. Replaced as a whole by load(): sessions under way keep
// the set they began with; a bad pair is refused and the old set stays (HOSTILE row B10).
class TlsServer {
public:
    TlsServer(Workers& workers, Log log);
    ~TlsServer();

    // Reads and checks every pair (key matches, not expired, key file readable by its owner alone), then swaps.
    // The first pair answers when SNI is absent or names nobody.
    Result<void, Error> load(const std::vector<CertificateFiles>& files);
    bool is_ready() const;

    // The handshake, until `deadline`. `alpn` lists what this port speaks ("imap", "smtp" has none in the registry of
    // its own: empty accepts any); a client that offers only others is refused (HOSTILE row B9).
    // The plain stream is consumed; on failure it is gone and closed.
    co::Task<Result<std::unique_ptr<ByteStream>, IoError>> accept(std::unique_ptr<ByteStream> plain,
                                                                  std::vector<std::string> alpn, Deadline deadline);

private:
    struct State;
    std::shared_ptr<State> state_;
};

struct TlsClientOptions {
    std::string server_name;      // SNI, and the name to verify
    std::string ca_file;          // PEM; empty: nothing is verified (opportunistic)
    std::vector<std::string> alpn;
};

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tls(Workers& workers, std::unique_ptr<ByteStream> plain,
                                                                   TlsClientOptions options, Deadline deadline);

}  // namespace mbx::net
