#include "config/load.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "base/ascii.hpp"
#include "config/check.hpp"
#include "config/declaration.hpp"
#include "config/document.hpp"
#include "config/nearest.hpp"
#include "config/units.hpp"
#include "config/value.hpp"

namespace mbx::config {
namespace {

using Errors = std::vector<ConfigError>;

std::string machine_name()
{
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0 && is_host_name(name.data())) return ascii::to_lower(name.data());
    return "localhost";
}

// Keys of earlier versions, and what takes their place.
struct Renamed {
    std::string_view table;
    std::string_view name;
    std::string_view now;
};
constexpr std::array kRenamed = {Renamed{"outbound", "messages_per_connection", "max_messages_per_connection in [queue]"}};

std::string unknown_key_hint(std::string_view table, std::string_view name)
{
    for (const Renamed& one : kRenamed) {
        if (one.table == table && one.name == name) return "it is " + std::string(one.now) + " now";
    }
    std::vector<std::string_view> near;
    for (const Declaration& row : declarations()) {
        if (row.table() == table) near.push_back(row.name());
    }
    const auto best = find_nearest(name, near);
    if (!best.empty()) return "did you mean " + std::string(best) + "?";
    for (const Declaration& row : declarations()) {
        if (row.name() == name) return "did you mean " + std::string(name) + " in [" + std::string(row.table()) + "]?";
    }
    return "man mailboxd.toml lists the keys of [" + std::string(table) + "]";
}

// Fills a Loaded from the entries of a document and collects what is wrong with them.
class Reader {
public:
    Reader(Loaded& loaded, Errors& errors) : loaded_(loaded), errors_(errors) {}

    void read(const EntryList& document)
    {
        for (const Entry& entry : document) {
            const bool is_table = std::holds_alternative<EntryList>(entry.node.value);
            const auto known = std::ranges::find(tables(), std::string_view(entry.key), &Table::name);
            if (known == tables().end()) refuse_top_level(entry, is_table);
            else if (!is_table)
                add(entry.node.position, entry.key + " must be a table, but is " + std::string(type_name(entry.node)),
                    "write [" + entry.key + "] on a line of its own");
            else read_table(*known, std::get<EntryList>(entry.node.value));
        }
    }

private:
    void read_table(const Table& table, const EntryList& entries)
    {
        for (const Entry& entry : entries) {
            if (errors_.size() >= kMaxErrors) return;
            const std::string key = std::string(table.name) + "." + entry.key;
            const Declaration* declaration = find_declaration(key);
            if (!declaration) {
                add(entry.position, "unknown key " + ascii::printable(key, 100), unknown_key_hint(table.name, entry.key));
                continue;
            }
            for (Complaint& complaint : assign(*declaration, entry.node, loaded_.settings))
                add(complaint.position, key + " " + complaint.message, std::move(complaint.hint));
            loaded_.origins[key] = {entry.position.line, entry.position.column};
        }
    }

    void refuse_top_level(const Entry& entry, bool is_table)
    {
        const std::string shown = ascii::printable(entry.key, 100);
        std::vector<std::string_view> names;
        for (const Table& table : tables()) names.push_back(table.name);
        const auto near = find_nearest(entry.key, names);
        std::string hint = near.empty() ? "man mailboxd.toml lists the tables" : "did you mean [" + std::string(near) + "]?";
        for (const Declaration& row : declarations()) {
            if (!is_table && row.name() == entry.key) hint = "put it below [" + std::string(row.table()) + "]";
        }
        add(entry.position, (is_table ? "unknown table [" + shown + "]" : "unknown key " + shown + " outside of any table"),
            std::move(hint));
    }

    void add(Position at, std::string message, std::string hint)
    {
        if (errors_.size() < kMaxErrors)
            errors_.push_back({loaded_.file, at.line, at.column, std::move(message), std::move(hint)});
    }

    Loaded& loaded_;
    Errors& errors_;
};

void make_absolute(std::string& path, const std::string& directory)
{
    if (!path.empty() && !path.starts_with('/')) path = directory + (directory.ends_with('/') ? "" : "/") + path;
}

void resolve(Settings& settings)
{
    if (settings.server.hostname.empty()) settings.server.hostname = machine_name();
    make_absolute(settings.tls.certificate, settings.server.data_directory);
    make_absolute(settings.tls.key, settings.server.data_directory);
    for (CertificatePair& pair : settings.tls.additional) {
        make_absolute(pair.certificate, settings.server.data_directory);
        make_absolute(pair.key, settings.server.data_directory);
    }
    make_absolute(settings.dns.trust_anchor_file, settings.server.data_directory);
    make_absolute(settings.outbound.authorities, settings.server.data_directory);
    for (RouteSetting& route : settings.outbound.route) {
        make_absolute(route.password_file, settings.server.data_directory);
    }
}

// The table's defaults before resolve().
const Settings& raw_defaults()
{
    static const Settings made = [] {
        std::string text;
        std::string_view table;
        for (const Declaration& row : declarations()) {
            if (row.table() != table) text += "[" + std::string(row.table()) + "]\n";
            table = row.table();
            text += std::string(row.name()) + " = " + std::string(row.default_toml) + "\n";
        }
        Loaded loaded;
        Errors errors;
        const auto document = read_document(text, "defaults");
        assert(document && "the defaults in declarations.cpp are not TOML");
        Reader(loaded, errors).read(*document);
        assert(errors.empty() && "a default in declarations.cpp breaks its own rule");
        return loaded.settings;
    }();
    return made;
}

Result<std::string, int> read_file(const std::string& path)
{
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) return errno;
    std::string text;
    std::array<char, 16'384> piece{};
    int failure = 0;
    // One byte past the limit is enough to know that it is too large, whatever stat says of a pipe or a device.
    while (text.size() <= kMaxFileSize) {
        const ssize_t got = ::read(descriptor, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) failure = errno;
        if (got <= 0) break;
        text.append(piece.data(), static_cast<std::size_t>(got));
    }
    ::close(descriptor);
    if (failure != 0) return failure;
    return text;
}

}  // namespace

std::string ConfigError::text() const
{
    std::string all = file;
    if (line != 0) all += ":" + std::to_string(line) + ":" + std::to_string(column);
    all += ": " + message;
    if (!hint.empty()) all += "; " + hint;
    return all;
}

LoadResult parse(std::string_view text, const std::string& file)
{
    const auto document = read_document(text, file);
    if (!document) return Errors{document.error()};

    Loaded loaded;
    loaded.settings = raw_defaults();
    loaded.file = file;
    Errors errors;
    Reader(loaded, errors).read(*document);
    resolve(loaded.settings);
    // Combinations of values that are wrong by themselves would only repeat the first error in other words.
    if (errors.empty()) errors = check_combinations(loaded);
    if (errors.empty()) return loaded;
    std::ranges::sort(errors, {}, [](const ConfigError& error) {
        return std::tuple(error.line, error.column, std::string_view(error.message));
    });
    return errors;
}

LoadResult load(const std::string& path)
{
    const auto text = read_file(path);
    if (text) return parse(*text, path);
    const bool is_absent = text.error() == ENOENT;
    return Errors{{path, 0, 0, std::string("cannot be read: ") + std::strerror(text.error()),
                   is_absent ? "mailboxctl setup writes one" : "run mailboxd as a user who may read it"}};
}

Settings defaults()
{
    Settings settings = raw_defaults();
    resolve(settings);
    return settings;
}

std::vector<ShowRow> show(const Loaded& loaded)
{
    std::vector<ShowRow> rows;
    for (const Declaration& row : declarations()) {
        const auto origin = loaded.origins.find(row.key);
        const bool is_set = origin != loaded.origins.end();
        rows.push_back({std::string(row.key), format_value(row, loaded.settings),
                        is_set ? loaded.file + ":" + std::to_string(origin->second.line) : "default"});
    }
    return rows;
}

std::vector<Change> diff_live(const Settings& before, const Settings& after)
{
    std::vector<Change> changes;
    for (const Declaration& row : declarations()) {
        std::string old_value = format_value(row, before);
        std::string new_value = format_value(row, after);
        if (old_value == new_value) continue;
        changes.push_back({std::string(row.key), std::move(old_value), std::move(new_value), row.effect == Effect::live});
    }
    return changes;
}

Settings apply_live(const Settings& before, const Settings& after)
{
    Settings mixed = after;
    Settings old = before;
    const auto keep = [](auto* to, auto* from) {
        if constexpr (std::is_same_v<decltype(to), decltype(from)>) *to = *from;
    };
    for (const Declaration& row : declarations()) {
        if (row.effect == Effect::live) continue;
        const Slot to = row.slot(mixed);
        const Slot from = row.slot(old);
        if (const auto* choice = std::get_if<ChoiceSlot>(&to)) {
            *choice->value = *std::get<ChoiceSlot>(from).value;
            continue;
        }
        std::visit(
            [&](auto target, auto source) {
                if constexpr (std::is_pointer_v<decltype(target)> && std::is_pointer_v<decltype(source)>)
                    keep(target, source);
            },
            to, from);
    }
    return mixed;
}

Loaded apply_live(const Loaded& before, Loaded after)
{
    for (const Change& change : diff_live(before.settings, after.settings)) {
        if (change.is_live) continue;
        after.origins.erase(change.key);
        const auto place = before.origins.find(change.key);
        if (place != before.origins.end()) after.origins.insert(*place);
    }
    after.settings = apply_live(before.settings, after.settings);
    return after;
}

}  // namespace mbx::config
