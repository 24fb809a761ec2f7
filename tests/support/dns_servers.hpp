// Name servers for tests on loopback: a scripted one in a thread, and the real nsd over zones signed with ldns.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "net/address.hpp"
#include "base/ascii.hpp"
#include "net/dns_record.hpp"
#include "support/program.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::test {

// What the tests put on the wire by hand.
namespace dns {

inline std::string u16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)}; }
inline std::string name(std::string_view text)
{
    std::string wire;
    while (!text.empty()) {
        const auto dot = text.find('.');
        const auto label = text.substr(0, dot);
        wire += static_cast<char>(label.size());
        wire += label;
        text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
    }
    return wire + '\0';
}
inline std::string v4(const std::string& text)
{
    const auto address = net::IpAddress::parse(text);
    return {address->bytes().begin() + 12, address->bytes().end()};
}
inline std::string v6(const std::string& text)
{
    const auto address = net::IpAddress::parse(text);
    return {address->bytes().begin(), address->bytes().end()};
}
inline std::string mx(unsigned preference, std::string_view exchange) { return u16(preference) + name(exchange); }
inline std::string txt(std::string_view text) { return static_cast<char>(text.size()) + std::string(text); }

struct Record {
    std::string owner;
    net::DnsType type;
    std::string data;
    unsigned ttl = 300;
};

// A question as the server read it, and the answer that it makes of it.
struct Question {
    std::string id;
    std::string name;  // lower case
    unsigned type = 0;
    std::string wire;  // as asked
    bool is_tcp = false;

    bool asks(net::DnsType wanted) const { return type == static_cast<unsigned>(wanted); }
    // QR, AA, RD and RA are set; `truncated` is TC.
    std::string answer(unsigned rcode, const std::vector<Record>& records = {}, bool truncated = false) const
    {
        std::string message = id + u16(0x8580U | rcode | (truncated ? 0x200U : 0U)) + u16(1);
        message += u16(static_cast<unsigned>(records.size())) + u16(0) + u16(0) + wire;
        return message + written(records);
    }
    // No answer, but these in the section of authorities; neither AA nor RA.
    std::string refer(const std::vector<Record>& authorities) const
    {
        return id + u16(0x8100U) + u16(1) + u16(0) + u16(static_cast<unsigned>(authorities.size())) + u16(0) + wire + written(authorities);
    }

private:
    static std::string written(const std::vector<Record>& records)
    {
        std::string message;
        for (const Record& record : records) {
            message += dns::name(record.owner) + u16(static_cast<unsigned>(record.type)) + u16(1) + u16(0) + u16(record.ttl);
            message += u16(static_cast<unsigned>(record.data.size())) + record.data;
        }
        return message;
    }
};

inline std::optional<Question> read_question(std::string_view message, bool is_tcp)
{
    if (message.size() < 17) return std::nullopt;
    Question question;
    question.id = message.substr(0, 2);
    question.is_tcp = is_tcp;
    std::size_t at = 12;
    while (at < message.size() && message[at] != 0) {
        const auto size = static_cast<std::size_t>(message[at]);
        if (at + 1 + size >= message.size()) return std::nullopt;
        if (!question.name.empty()) question.name += '.';
        question.name += ascii::to_lower(message.substr(at + 1, size));
        at += size + 1;
    }
    if (at + 5 > message.size()) return std::nullopt;
    question.type = static_cast<unsigned char>(message[at + 1]) * 256U + static_cast<unsigned char>(message[at + 2]);
    question.wire = message.substr(12, at + 5 - 12);
    return question;
}

}  // namespace dns

// Answers what `script` says, over UDP and, where `has_tcp`, TCP: messages in the order of sending, none for silence.
class ScriptedDns {
public:
    using Script = std::function<std::vector<std::string>(const dns::Question&)>;

    explicit ScriptedDns(Script script, bool has_tcp = true) : script_(std::move(script))
    {
        // What is free for datagrams may be some connection's port.
        for (int attempt = 0; attempt < kPortsTried && (udp_ < 0 || (has_tcp && tcp_ < 0)); ++attempt) {
            if (udp_ >= 0) ::close(udp_);
            udp_ = open(SOCK_DGRAM, 0);
            if (has_tcp && udp_ >= 0) tcp_ = open(SOCK_STREAM, endpoint_.port);
        }
        if (udp_ < 0 || (has_tcp && tcp_ < 0)) throw std::runtime_error("no port for a name server");
        if (has_tcp) ::listen(tcp_, 16);
        wake_ = ::eventfd(0, EFD_CLOEXEC);
        thread_ = std::thread([this] { serve(); });
    }
    ScriptedDns(const ScriptedDns&) = delete;
    ScriptedDns& operator=(const ScriptedDns&) = delete;
    ~ScriptedDns()
    {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto woken = ::write(wake_, &one, sizeof one);
        thread_.join();
        for (const int descriptor : {udp_, tcp_, wake_}) {
            if (descriptor >= 0) ::close(descriptor);
        }
    }

    net::Endpoint endpoint() const { return endpoint_; }
    int asked() const { return asked_; }

private:
    static constexpr int kPortsTried = 50;

    // -1: taken.
    int open(int kind, std::uint16_t port)
    {
        const int descriptor = ::socket(AF_INET, kind | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        socklen_t size = sizeof address;
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        if (::bind(descriptor, raw, size) != 0 || ::getsockname(descriptor, raw, &size) != 0) {
            ::close(descriptor);
            return -1;
        }
        endpoint_ = {*net::IpAddress::parse("127.0.0.1"), ntohs(address.sin_port)};
        return descriptor;
    }
    void serve()
    {
        while (true) {
            std::array<pollfd, 3> waits{{{wake_, POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}}};
            ::poll(waits.data(), waits.size(), -1);
            if (waits[0].revents != 0) return;
            if (waits[1].revents != 0) serve_datagram();
            if (waits[2].revents != 0) serve_connection();
        }
    }
    void serve_datagram()
    {
        std::array<char, 4096> buffer{};
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        auto* raw = reinterpret_cast<sockaddr*>(&from);
        const ssize_t got = ::recvfrom(udp_, buffer.data(), buffer.size(), 0, raw, &size);
        if (got <= 0) return;
        const auto question = dns::read_question({buffer.data(), static_cast<std::size_t>(got)}, false);
        if (!question) return;
        ++asked_;
        for (const std::string& message : script_(*question)) {
            [[maybe_unused]] const auto sent = ::sendto(udp_, message.data(), message.size(), 0, raw, size);
        }
    }
    void serve_connection()
    {
        const int stream = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
        if (stream < 0) return;
        std::array<char, 4096> buffer{};
        const ssize_t got = ::recv(stream, buffer.data(), buffer.size(), 0);
        if (got > 2) {
            const auto question = dns::read_question({buffer.data() + 2, static_cast<std::size_t>(got) - 2}, true);
            if (question) {
                ++asked_;
                for (const std::string& message : script_(*question)) {
                    const std::string framed = dns::u16(static_cast<unsigned>(message.size())) + message;
                    [[maybe_unused]] const auto sent = ::send(stream, framed.data(), framed.size(), MSG_NOSIGNAL);
                }
            }
        }
        ::close(stream);
    }

    Script script_;
    net::Endpoint endpoint_;
    int udp_ = -1;
    int tcp_ = -1;
    int wake_ = -1;
    std::atomic<int> asked_{0};
    std::thread thread_;
};

// The real nsd. Zones are added as text and signed on demand; start() serves them.
class Nsd {
public:
    Nsd() = default;
    Nsd(const Nsd&) = delete;
    Nsd& operator=(const Nsd&) = delete;
    ~Nsd()
    {
        if (process_ <= 0) return;
        ::kill(process_, SIGTERM);
        ::waitpid(process_, nullptr, 0);
    }

    // Whether nsd and ldns are there.
    static bool is_available() { return ran({"nsd", "-v"}) && ran({"ldns-signzone", "-v"}); }

    struct Signing {
        std::string inception;  // YYYYMMDD, empty: now
        std::string expiration;
        unsigned nsec3_iterations = 0;  // 0: NSEC
    };
    // `records` in the form of a zone file, without SOA and NS. The DS record of a signed zone is returned: for its
    // parent, or as a trust anchor.
    std::string add_zone(const std::string& zone, const std::string& records, std::optional<Signing> signing = std::nullopt)
    {
        const std::string text = "$ORIGIN " + zone + ".\n$TTL 300\n@ IN SOA ns." + zone + ". root." + zone +
                                 ". 1 3600 600 86400 60\n@ IN NS ns." + zone + ".\nns IN A 127.0.0.1\n" + records;
        folder_.write(zone + ".zone", text);
        zones_.push_back({zone, zone + ".zone"});
        if (!signing) return {};
        const std::string key = made_by({"ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "-r", "/dev/urandom", zone + "."});
        std::vector<std::string> words{"ldns-signzone"};
        if (!signing->inception.empty()) words.insert(words.end(), {"-i", signing->inception});
        if (!signing->expiration.empty()) words.insert(words.end(), {"-e", signing->expiration});
        if (signing->nsec3_iterations != 0) words.insert(words.end(), {"-n", "-t", std::to_string(signing->nsec3_iterations)});
        words.insert(words.end(), {zone + ".zone", key});
        made_by(words);
        zones_.back().file += ".signed";
        return read(key + ".ds");
    }
    // Another text in the place of one in a signed zone: its signature is wrong from there on.
    void falsify(const std::string& zone, const std::string& from, const std::string& to)
    {
        std::string text = read(zone + ".zone.signed");
        const auto at = text.find(from);
        if (at == std::string::npos) throw std::runtime_error("nothing to falsify in " + zone);
        folder_.write(zone + ".zone.signed", text.replace(at, from.size(), to));
    }
    // The line of a signed zone that holds `words`, to be replaced.
    std::string line_with(const std::string& zone, const std::string& words) const
    {
        const std::string text = read(zone + ".zone.signed");
        const auto at = text.find(words);
        if (at == std::string::npos) throw std::runtime_error("no such line in " + zone);
        const auto begin = text.rfind('\n', at) + 1;
        return text.substr(begin, text.find('\n', at) - begin);
    }

    void start()
    {
        endpoint_ = {*net::IpAddress::parse("127.0.0.1"), free_port()};
        std::string text = "server:\n  ip-address: 127.0.0.1@" + std::to_string(endpoint_.port) +
                           "\n  username: \"\"\n  chroot: \"\"\n  server-count: 1\n  database: \"\"\n  verbosity: 0\n";
        for (const char* file : {"pidfile", "xfrdfile", "zonelistfile", "logfile"}) {
            text += "  " + std::string(file) + ": \"" + folder_.path(file) + "\"\n";
        }
        text += "  xfrdir: \"" + folder_.path() + "\"\n  zonesdir: \"" + folder_.path() + "\"\nremote-control:\n  control-enable: no\n";
        for (const auto& zone : zones_) text += "zone:\n  name: " + zone.name + "\n  zonefile: " + zone.file + "\n";
        const std::string file = folder_.write("nsd.conf", text);
        std::vector<std::string> words{"nsd", "-d", "-c", file};
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        if (::posix_spawnp(&process_, "nsd", nullptr, nullptr, arguments.data(), environ) != 0) process_ = -1;
        wait_for_answer();
    }
    net::Endpoint endpoint() const { return endpoint_; }
    // A file of trust anchors.
    std::string anchors(const std::string& records) const { return folder_.write("anchors", records); }

private:
    struct Zone {
        std::string name;
        std::string file;
    };
    static bool ran(const std::vector<std::string>& words)
    {
        Program program(words, {});
        program.finish();
        return program.was_found();
    }
    std::string made_by(std::vector<std::string> words) const
    {
        // Both programs write beside where they stand.
        words.insert(words.begin(), {"env", "-C", folder_.path()});
        Program program(words, {});
        std::string said = program.finish();
        if (program.exit_code() != 0) throw std::runtime_error(words[3] + ": " + said);
        while (!said.empty() && said.back() == '\n') said.pop_back();
        return said;
    }
    std::string read(const std::string& name) const
    {
        std::ostringstream all;
        all << std::ifstream(folder_.path(name)).rdbuf();
        return all.str();
    }
    static std::uint16_t free_port()
    {
        const ScriptedDns probe([](const dns::Question&) { return std::vector<std::string>(); });
        return probe.endpoint().port;
    }
    // Asks until it answers: nsd says nothing when it is ready.
    void wait_for_answer() const
    {
        const int descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(endpoint_.port);
        ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address);
        const std::string ask = dns::u16(7) + dns::u16(0) + dns::u16(1) + dns::u16(0) + dns::u16(0) + dns::u16(0) +
                                dns::name(zones_.front().name) + dns::u16(6) + dns::u16(1);
        std::array<char, 1500> buffer{};
        for (int attempt = 0; attempt < 600; ++attempt) {
            [[maybe_unused]] const auto sent = ::send(descriptor, ask.data(), ask.size(), 0);
            pollfd wait{descriptor, POLLIN, 0};
            if (::poll(&wait, 1, 100) == 1 && ::recv(descriptor, buffer.data(), buffer.size(), 0) > 0) {
                ::close(descriptor);
                return;
            }
            ::usleep(50'000);  // refused at once as long as nobody listens
        }
        ::close(descriptor);
        throw std::runtime_error("nsd does not answer");
    }

    TemporaryFolder folder_;
    std::vector<Zone> zones_;
    net::Endpoint endpoint_;
    pid_t process_ = -1;
};

}  // namespace mbx::test
