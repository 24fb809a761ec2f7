// The TOML file as plain values with positions; the only door to toml++. Private to config/. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "config/load.hpp"

namespace mbx::config {

struct Position {
    unsigned line = 0;
    unsigned column = 0;
};

struct Node;
struct Entry;
// A type that no setting has (a date, a float), by its name in TOML.
struct Foreign {
    std::string_view type;
};
using NodeList = std::vector<Node>;
using EntryList = std::vector<Entry>;

struct Node {
    std::variant<bool, std::int64_t, std::string, NodeList, EntryList, Foreign> value;
    Position position;
};

struct Entry {
    std::string key;
    Position position;  // of the key
    Node node;
};

// Reads a whole document. Refuses what no sane file holds before the TOML parser sees it: NUL bytes, UTF-16, deep
// nesting. toml++ stops at its first error, so there is one at most.
Result<EntryList, ConfigError> read_document(std::string_view text, const std::string& file);

// "a text", "an integer", … for error messages.
std::string_view type_name(const Node& node);

}  // namespace mbx::config
