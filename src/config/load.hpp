// From the file to the Settings: every error at once, each with its place and a hint. Blocking where it reads files;
// any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace mbx::config {

struct ConfigError {
    std::string file;
    unsigned line = 0;    // from 1; 0 when the file could not be read at all
    unsigned column = 0;  // from 1
    std::string message;
    std::string hint;     // may be empty

    // "mailboxd.toml:7:3: unknown key smtp.max_recipient; did you mean smtp.max_recipients?"
    std::string text() const;
};

// Where in the file a key was set.
struct Origin {
    unsigned line = 0;
    unsigned column = 0;
};

struct Loaded {
    Settings settings;
    std::string file;
    std::map<std::string, Origin, std::less<>> origins;  // keys that the file sets; the others have their defaults
};

constexpr std::size_t kMaxFileSize = 1024UL * 1024;
constexpr std::size_t kMaxErrors = 100;  // told in one go

using LoadResult = Result<Loaded, std::vector<ConfigError>>;

// Reads, checks and fills in. Does not look at the files that settings name: see check_files().
LoadResult load(const std::string& path);
// The same from memory; `file` is the name for messages.
LoadResult parse(std::string_view text, const std::string& file);

// Whether the certificates and keys that are named exist, can be read, and the keys by nobody else. For start,
// --check-config and reload, as the user that will read them.
std::vector<ConfigError> check_files(const Loaded& loaded);

// The table's defaults, with the machine's name as host name.
Settings defaults();

struct ShowRow {
    std::string key;
    std::string value;   // as TOML
    std::string source;  // "default", or "mailboxd.toml:7"
};
std::vector<ShowRow> show(const Loaded& loaded);

struct Change {
    std::string key;
    std::string before;  // as TOML
    std::string after;
    bool is_live = false;  // else it needs a restart
};
// What a reload from `before` to `after` would change.
std::vector<Change> diff_live(const Settings& before, const Settings& after);
// What the daemon works with after a reload: `after` where a key can change live, `before` where it cannot.
Settings apply_live(const Settings& before, const Settings& after);
// The same with the places that the values come from: those of `after`, but for what waits for a restart.
Loaded apply_live(const Loaded& before, Loaded after);

}  // namespace mbx::config
