#include "disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "socket.hpp"

namespace mbx::bench {
namespace {

constexpr std::array<std::string_view, 16> kWords{"invoice", "meeting", "report",   "budget",   "quarterly", "review",
                                                  "server",  "please",  "attached", "schedule", "customer",  "delivery",
                                                  "order",   "number",  "tomorrow", "question"};

// Different for each number, the same in each run. Every fifth has an attachment, as mail has.
std::string message(std::uint64_t number, std::uint64_t size, std::string_view line_end)
{
    std::uint64_t state = number * 0x9E3779B97F4A7C15U + 1;
    const auto word = [&state] {
        state = state * 6364136223846793005U + 1442695040888963407U;
        return kWords[state >> 60U];
    };
    const std::string digits = std::to_string(number);
    std::string text;
    text.reserve(size + 1024);
    const auto line = [&](std::string_view words) { text += words, text += line_end; };
    line("Return-Path: <sender" + std::to_string(number % 97) + "@remote.test>");
    line("Received: from client.remote.test by mail.example.test; Fri, 20 Nov 2026 10:00:00 +0000");
    line("Date: Fri, 20 Nov 2026 10:00:00 +0000");
    line("From: \"Sender " + std::to_string(number % 97) + "\" <sender" + std::to_string(number % 97) +
         "@remote.test>");
    line("To: <user@example.test>");
    line("Subject: " + std::string(word()) + " " + std::string(word()) + " " + digits);
    line("Message-ID: <fill." + digits + "@remote.test>");
    line("MIME-Version: 1.0");
    const bool mixed = number % 5 == 0;
    line(mixed ? "Content-Type: multipart/mixed; boundary=part" : "Content-Type: text/plain; charset=utf-8");
    line("");
    if (mixed) line("--part"), line("Content-Type: text/plain; charset=utf-8"), line("");
    const std::uint64_t words_until = mixed ? size / 2 : size - 80;
    while (text.size() < words_until) {
        for (int i = 0; i < 9; ++i) text += word(), text += ' ';
        line(word());
    }
    if (!mixed) return text;
    line("--part"), line("Content-Type: application/pdf; name=\"a.pdf\""), line("Content-Transfer-Encoding: base64"),
        line("");
    while (text.size() + 90 < size) {
        for (int i = 0; i < 7; ++i)
            text += "QmVuY2hN", text += static_cast<char>('A' + (state >> 59U) % 26), text += "w0";
        (void)word();
        line("");
    }
    line("--part--");
    return text;
}

bool write_file(const std::string& path, std::string_view text, int owner)
{
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return false;
    const auto group = static_cast<gid_t>(owner);
    const bool good = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                      (owner < 0 || ::fchown(file, static_cast<uid_t>(owner), group) == 0);
    ::close(file);
    return good;
}

std::string file_name(const Options& options, std::uint64_t number, std::uint64_t size, std::uint64_t wire_size)
{
    const std::uint64_t second = 1'763'600'000 + number / 100;
    std::array<char, 128> name{};
    const auto n = static_cast<unsigned long long>(number);
    const auto s = static_cast<unsigned long long>(second);
    if (options.form == "ours") {
        std::snprintf(name.data(), name.size(), "%llu.%020llx.mailboxd,S=%llu,I=%llu:2,S", s, n + 1,
                      static_cast<unsigned long long>(size), n + 1);
    } else {
        std::snprintf(name.data(), name.size(), "%llu.M%06lluP%llu.host,S=%llu,W=%llu:2,S", s, n % 1'000'000,
                      n / 1'000'000 + 1, static_cast<unsigned long long>(size),
                      static_cast<unsigned long long>(wire_size));
    }
    return name.data();
}

} // namespace

int run_fill(const Options& options)
{
    for (const char* part : {"", "/cur", "/new", "/tmp"}) {
        const std::string folder = options.folder + part;
        ::mkdir(folder.c_str(), 0700);
        const auto group = static_cast<gid_t>(options.owner);
        if (options.owner >= 0 && ::chown(folder.c_str(), static_cast<uid_t>(options.owner), group) != 0) return 1;
    }
    const double before = now();
    for (std::uint64_t number = 0; number < options.messages; ++number) {
        const bool ours = options.form == "ours";
        const std::string text = message(number, options.size, ours ? "\r\n" : "\n");
        std::uint64_t lines = 0;
        for (const char c : text) lines += c == '\n' ? 1 : 0;
        const std::string name = file_name(options, number, text.size(), text.size() + lines);
        if (write_file(options.folder + "/cur/" + name, text, options.owner)) continue;
        std::perror(name.c_str());
        return 1;
    }
    const double took = now() - before;
    std::printf("{\"filled\": %llu, \"seconds\": %.3f, \"per_s\": %.0f}\n",
                static_cast<unsigned long long>(options.messages), took, static_cast<double>(options.messages) / took);
    return 0;
}

int run_disk(const Options& options)
{
    const std::string path = options.folder + "/durable-writes";
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return 1;
    const std::string piece(options.size, 'x');
    std::uint64_t count = 0;
    const double before = now();
    double took = 0;
    while (took < options.seconds) {
        if (::write(file, piece.data(), piece.size()) != static_cast<ssize_t>(piece.size()) || ::fdatasync(file) != 0)
            break;
        ++count;
        took = now() - before;
    }
    ::close(file);
    ::unlink(path.c_str());
    std::printf("{\"writes\": %llu, \"per_s\": %.1f, \"mb_per_s\": %.1f}\n", static_cast<unsigned long long>(count),
                static_cast<double>(count) / took, static_cast<double>(count * options.size) / took / 1e6);
    return count > 0 ? 0 : 1;
}

} // namespace mbx::bench
