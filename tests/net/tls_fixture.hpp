// What the TLS tests share: certificates in a folder, and a loop with workers.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <string>

#include "net/tls.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::net {

inline constexpr std::chrono::seconds kLong{60};

struct TlsFixture {
    Loop loop;
    Workers workers{loop, 3, 1};
    test::TemporaryFolder folder;
    SystemRandom random;

    CertificateFiles certificate(const std::string& host, int days = 30)
    {
        const auto made = make_self_signed({host}, days, random);
        REQUIRE(made);
        return {folder.write(host + ".crt", made->certificate_pem), folder.write(host + ".key", made->key_pem, 0600)};
    }
};

struct BothEnds {
    Result<std::unique_ptr<ByteStream>, IoError> server = IoError::failed;
    Result<std::unique_ptr<ByteStream>, IoError> client = IoError::failed;
};

inline co::Task<void> accept_into(TlsServer& server, std::unique_ptr<ByteStream> plain, std::vector<std::string> alpn,
                                  Result<std::unique_ptr<ByteStream>, IoError>& into)
{
    into = co_await server.accept(std::move(plain), std::move(alpn), Deadline::after(kLong));
}
inline co::Task<void> connect_into(Workers& workers, std::unique_ptr<ByteStream> plain, TlsClientOptions options,
                                   Result<std::unique_ptr<ByteStream>, IoError>& into)
{
    into = co_await connect_tls(workers, std::move(plain), std::move(options), Deadline::after(kLong));
}

// Our server and our client over memory.
inline BothEnds shake(TlsFixture& fixture, TlsServer& server, TlsClientOptions options,
                      std::vector<std::string> alpn = {}, std::size_t piece = 65536)
{
    test::MemoryPipe pipe(65536, piece);
    BothEnds ends;
    co::Scope scope;
    scope.spawn(accept_into(server, std::move(pipe.far), std::move(alpn), ends.server));
    scope.spawn(connect_into(fixture.workers, std::move(pipe.near), std::move(options), ends.client));
    fixture.loop.run();
    return ends;
}

inline co::Task<std::string> read_all(ByteStream& stream, std::optional<IoError>& error)
{
    std::string all;
    std::array<char, 3000> chunk{};
    while (true) {
        const Result<std::size_t, IoError> got = co_await stream.read_some(chunk, Deadline::after(kLong));
        if (!got) error = got.error();
        if (!got || *got == 0) co_return all;
        all.append(chunk.data(), *got);
    }
}

inline co::Task<bool> say_and_end(ByteStream& stream, std::string bytes)
{
    const Result<void, IoError> said = co_await stream.write(bytes, Deadline::after(kLong));
    const Result<void, IoError> ended = co_await stream.shutdown_write(Deadline::after(kLong));
    co_return said && ended;
}

}  // namespace mbx::net
