// mailq: what waits for other servers, in the layout that people and scripts know from other mail servers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mbx::sendmail {

// What a page of GET /api/v1/queue adds. Pure; none: it is no such document.
struct QueuePage {
    std::string lines;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::string next;  // the id behind which the next page begins; empty: there is none
};
std::optional<QueuePage> format_queue_page(std::string_view json);
// The first line, and what is said behind the last message.
std::string queue_heading();
std::string queue_ending(std::uint64_t messages, std::uint64_t bytes);

// Blocking; prints on standard output and error. The exit status.
int print_queue(const std::string& control_socket, const std::string& drop_directory);
// -q
int flush_queue(const std::string& control_socket);

}  // namespace mbx::sendmail
