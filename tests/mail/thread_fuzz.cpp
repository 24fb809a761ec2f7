// Threads, sort keys, collation, message ids and base subjects of any bytes: each message told once, in balanced lists;
// keys that order as their texts do. Every two bytes are one message: its id and date, and how many of the next are its
// references.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "mail/base_subject.hpp"
#include "mail/charset.hpp"
#include "mail/collation.hpp"
#include "mail/message_id.hpp"
#include "mail/sort_key.hpp"
#include "mail/thread.hpp"

using namespace mbx::mail;

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

void check_text(std::string_view text, std::size_t messages)
{
    std::vector<int> told(messages, 0);
    int depth = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '(') ++depth;
        if (text[at] == ')') --depth;
        require(depth >= 0);
        if (text[at] < '0' || text[at] > '9') continue;
        std::size_t number = 0;
        while (text[at] >= '0' && text[at] <= '9') number = number * 10 + static_cast<std::size_t>(text[at++] - '0');
        --at;
        require(number >= 1 && number <= messages && ++told[number - 1] == 1);
    }
    require(depth == 0);
    for (const auto times : told) require(times == 1);
}

void check_threads(std::string_view bytes)
{
    const std::vector<std::string> subjects{"", "A", "B", "C"};
    std::vector<std::uint64_t> ids;
    for (const char c : bytes) ids.push_back(static_cast<unsigned char>(c) % 32U + 1);
    std::vector<ThreadMessage> messages;
    std::vector<std::uint32_t> numbers;
    for (std::size_t at = 0; at + 1 < bytes.size();) {
        const auto head = static_cast<unsigned char>(bytes[at + 1]);
        const std::size_t count = std::min<std::size_t>(head % 8U, bytes.size() - at - 2);
        messages.push_back({ids[at] - 1, std::span(ids).subspan(at + 2, count), subjects[head / 64U], (head & 8U) != 0,
                            bytes[at]});
        numbers.push_back(static_cast<std::uint32_t>(messages.size()));
        at += 2 + count;
    }
    check_text(thread_text(thread_by_references(messages), numbers), messages.size());
    check_text(thread_text(thread_by_subject(messages), numbers), messages.size());
}

void check_keys(std::string_view bytes)
{
    const auto half = bytes.size() / 2;
    const auto a = sort_text(bytes.substr(0, half));
    const auto b = sort_text(bytes.substr(half));
    for (const bool reverse : {false, true}) {
        SortTable table;
        for (const auto* text : {&a, &b}) {
            std::string key;
            add_sort_text(key, *text, reverse);
            table.add(text == &a ? 1 : 2, key);
        }
        table.sort();
        require(table.number(0) == (a == b || (a < b) != reverse ? 1U : 2U));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check_threads(bytes);
    check_keys(bytes);
    const auto key = collation_key(bytes);
    require(key.size() <= kMaxCollationGrowth * bytes.size());
    visit_message_ids(bytes, [&bytes](std::string&& id) {
        require(id.size() >= 3 && id.size() + 2 <= bytes.size() && id.find('@') != std::string::npos);
        return true;
    });
    const auto base = split_subject(bytes.substr(0, 1000));
    require(base.text.size() <= bytes.size());
    return 0;
}
