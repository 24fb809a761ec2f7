// The mark of a data directory that is in use, so that an empty mount point is not taken for a new server (HOSTILE row
// G13): <data>/mailboxd-volume, made by `mailboxctl setup`, with a twin in mail/ once the daemon has started. Blocking.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace mbx::store {

inline constexpr std::string_view kVolumeMarkerFile = "mailboxd-volume";

struct VolumeMarker {
    std::string volume;         // 32 hexadecimal digits
    std::uint32_t journal = 0;  // the identity of its journal
    bool is_started = false;    // there are a journal and mail/ with the twin
};

std::string format_marker(const VolumeMarker& marker);
bool parse_marker(std::string_view text, VolumeMarker& into);  // total for any bytes

// For setup: the marker that is there, or a new one.
Result<VolumeMarker, Error> make_volume_marker(FileSystem& files, Random& random, const std::string& data_directory);

// For the daemon: the marker of a directory whose parts are all there, with mail/ and its twin made at the first start.
// A directory of the time before there were markers gets one. An Error where something is missing: nothing is created.
Result<VolumeMarker, Error> open_volume(FileSystem& files, Random& random, const std::string& data_directory);
// For the daemon, once the journal is open: from now on its absence is an error.
Result<void, Error> note_started(FileSystem& files, const std::string& data_directory, VolumeMarker marker);

}  // namespace mbx::store
