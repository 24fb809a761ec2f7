#include "store/volume_marker.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "store/state_record.hpp"

namespace mbx::store {

namespace {

constexpr std::string_view kMarkerHead = "mailboxd volume 1";
constexpr std::string_view kTwin = "/mail/.mailboxd-volume";
constexpr std::uint32_t kMarkerMode = 0600;
constexpr std::uint32_t kMailMode = 0700;
constexpr std::size_t kMaxMarker = 4096;
constexpr std::size_t kVolumeBytes = 16;

Error no_marker(const std::string& data_directory, const std::string& what)
{
    return Error{"opening the data directory " + data_directory, what,
                 "see that its volume is mounted; for a new server run mailboxctl setup"};
}

bool is_there(FileSystem& files, const std::string& path) { return static_cast<bool>(files.info(path)); }

bool has_entries(FileSystem& files, const std::string& path)
{
    const auto entries = files.list(path);
    return entries && !entries->empty();
}

Error cannot(const std::string& attempted, const std::string& path, const FileError& error)
{
    return Error{attempted + " " + path, error.name(), error.is_no_space() ? "make room on the disk" : ""};
}

VolumeMarker new_marker(Random& random)
{
    VolumeMarker marker;
    marker.volume = random.hex(kVolumeBytes);
    marker.journal = static_cast<std::uint32_t>(random.number());
    return marker;
}

Result<void, Error> write_marker(FileSystem& files, const std::string& path, const VolumeMarker& marker)
{
    const auto done = replace_whole(files, path, format_marker(marker), kMarkerMode);
    if (!done) return cannot("writing", path, done.error());
    return {};
}

Result<VolumeMarker, Error> read_marker(FileSystem& files, const std::string& path)
{
    const auto text = read_whole(files, path, kMaxMarker);
    if (!text) return cannot("reading", path, text.error());
    VolumeMarker marker;
    if (!parse_marker(*text, marker)) {
        return Error{"reading " + path, "it is damaged", "restore it from a backup of this volume"};
    }
    return marker;
}

// mail/ may be a volume of its own: its twin says that it is the right one.
Result<void, Error> check_twin(FileSystem& files, const std::string& data_directory, const VolumeMarker& marker)
{
    const std::string twin = data_directory + std::string(kTwin);
    if (!is_there(files, twin)) {
        return no_marker(data_directory, "its mail/ is not the one that was used before: " + twin + " is missing");
    }
    const auto read = read_marker(files, twin);
    if (!read) return read.error();
    if (read->volume == marker.volume) return {};
    return no_marker(data_directory, "its mail/ belongs to another data directory: " + twin + " names another volume");
}

}  // namespace

std::string format_marker(const VolumeMarker& marker)
{
    const std::string journal = std::to_string(marker.journal);
    return format_lines(kMarkerHead, {{"volume", marker.volume},
                                      {"journal", journal},
                                      {"started", marker.is_started ? "1" : "0"}});
}

bool parse_marker(std::string_view text, VolumeMarker& into)
{
    const auto lines = parse_lines(text, kMarkerHead);
    if (!lines) return false;
    VolumeMarker marker;
    bool has_journal = false;
    for (const auto& [key, value] : *lines) {
        if (key == "volume") marker.volume = value;
        if (key == "started") marker.is_started = value == "1";
        if (key != "journal") continue;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), marker.journal);
        has_journal = error == std::errc() && end == value.data() + value.size();
    }
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!has_journal || marker.volume.size() != 2 * kVolumeBytes || !std::ranges::all_of(marker.volume, is_hex)) return false;
    into = marker;
    return true;
}

Result<VolumeMarker, Error> make_volume_marker(FileSystem& files, Random& random, const std::string& data_directory)
{
    const std::string path = data_directory + "/" + std::string(kVolumeMarkerFile);
    if (is_there(files, path)) return read_marker(files, path);
    if (has_entries(files, data_directory + "/journal")) {
        return no_marker(data_directory, "it has a journal, but " + path + " is missing");
    }
    const VolumeMarker marker = new_marker(random);
    if (auto done = write_marker(files, path, marker); !done) return done.error();
    return marker;
}

Result<VolumeMarker, Error> open_volume(FileSystem& files, Random& random, const std::string& data_directory)
{
    const std::string path = data_directory + "/" + std::string(kVolumeMarkerFile);
    if (!is_there(files, path)) {
        if (has_entries(files, data_directory + "/journal")) {
            return no_marker(data_directory, "it was used before, but " + path + " is missing");
        }
        if (!is_there(files, data_directory + "/directory.db")) {
            return no_marker(data_directory, "it has neither " + path + " nor a directory: nothing was set up here");
        }
        auto made = make_volume_marker(files, random, data_directory);
        if (!made) return made;
    }
    auto marker = read_marker(files, path);
    if (!marker) return marker;
    if (marker->is_started) {
        if (auto good = check_twin(files, data_directory, *marker); !good) return good.error();
        if (!has_entries(files, data_directory + "/journal")) {
            return no_marker(data_directory, "its journal is missing: " + data_directory + "/journal");
        }
        return marker;
    }
    const std::string mail = data_directory + "/mail";
    const auto made = files.make_directory(mail, kMailMode);
    if (!made && made.error().code != EEXIST) return cannot("making", mail, made.error());
    if (auto done = write_marker(files, data_directory + std::string(kTwin), *marker); !done) return done.error();
    if (const auto synced = files.sync_directory(data_directory); !synced) return cannot("syncing", data_directory, synced.error());
    return marker;
}

Result<void, Error> note_started(FileSystem& files, const std::string& data_directory, VolumeMarker marker)
{
    if (marker.is_started) return {};
    marker.is_started = true;
    return write_marker(files, data_directory + "/" + std::string(kVolumeMarkerFile), marker);
}

}  // namespace mbx::store
