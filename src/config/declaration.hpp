// What is said about each setting, once. The reader, the validator, `config show`, the example file, the manual page
// and docs/configuration.md are all generated from these rows. Immutable; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.hpp"

namespace mbx::config {

enum class Kind : std::uint8_t {
    integer,
    size,              // "64MiB"
    duration,          // "5m"
    text,
    choice,
    directory,         // an absolute path
    file,              // a path; a relative one starts at server.data_directory
    host_name,         // letters, digits and hyphens with dots between; other scripts as A-labels
    endpoint_list,
    network_list,
    level_table,       // component = level
    certificate_list,  // tables of certificate and key
    route_list,        // tables of a domain and a host: [[outbound.route]]
};

// Whether a reload is enough for a new value.
enum class Effect : std::uint8_t { live, restart };

// An enum of one byte whose enumerators have the order of Declaration::choices.
struct ChoiceSlot {
    unsigned char* value;
};

// Where the value lives in the Settings.
using Slot = std::variant<std::uint64_t*, Duration*, std::string*, ChoiceSlot, std::vector<std::string>*,
                          ComponentLevels*, std::vector<CertificatePair>*, std::vector<RouteSetting>*>;

// Inclusive. Of an integer its value, of a size bytes, of a duration milliseconds, of a text and a path its bytes, of a
// list its length.
struct Bounds {
    std::uint64_t least = 0;
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

struct Declaration {
    std::string_view key;           // "smtp.max_message_size": always table.name
    Kind kind;
    std::string_view default_toml;  // as it is written in the file
    Bounds bounds;
    Effect effect;
    std::string_view help;          // for an administrator; a sentence or two
    Slot (*slot)(Settings&);
    std::vector<std::string_view> choices = {};
    // What is wrong with a text of the right length, or nothing.
    std::string_view (*complaint)(std::string_view) = nullptr;

    std::string_view table() const { return key.substr(0, key.find('.')); }
    std::string_view name() const { return key.substr(key.find('.') + 1); }
};

struct Table {
    std::string_view name;
    std::string_view help;
};

// In the order in which the file and the manual show them.
std::span<const Table> tables();
std::span<const Declaration> declarations();
// The part of them about mail that goes out ([dns] and [outbound]); private to config/.
std::vector<Declaration> outbound_rows();
const Declaration* find_declaration(std::string_view key);

}  // namespace mbx::config
