// THREAD's two algorithms (RFC 5256 section 3). Pure; time n log n of messages and references, nothing is recursive:
// chains as long as the mailbox, loops and false references cost what honest ones cost. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::mail {

// What threading needs of a message; views live as long as the caller keeps them.
struct ThreadMessage {
    std::uint64_t id = 0;                       // message_id_hash; 0: none
    std::span<const std::uint64_t> references;  // the first ancestor first
    std::string_view subject;                   // collation_key of the base subject
    bool is_reply = false;                      // BaseSubject's
    std::int64_t sent = 0;                      // seconds since 1970
};

inline constexpr std::uint32_t kNoThreadNode = UINT32_MAX;

// Node i is the i-th message; nodes behind the messages are dummies, and stand at the top only. Siblings in order.
struct ThreadForest {
    struct Node {
        std::uint32_t first_child = kNoThreadNode;
        std::uint32_t next_sibling = kNoThreadNode;
    };
    std::vector<Node> nodes;
    std::uint32_t first_root = kNoThreadNode;
    std::size_t messages = 0;
    bool is_dummy(std::uint32_t node) const { return node >= messages; }
};

// Messages in the order of the mailbox.
ThreadForest thread_by_subject(const std::vector<ThreadMessage>& messages);     // ORDEREDSUBJECT
ThreadForest thread_by_references(const std::vector<ThreadMessage>& messages);  // REFERENCES

// "(2)(3 6 (4 23)(44 7 96))": thread-list as in RFC 5256 section 5; node i is told as numbers[i].
std::string thread_text(const ThreadForest& forest, const std::vector<std::uint32_t>& numbers);

}  // namespace mbx::mail
