// From a file in a Maildir to bytes in wire form. Blocking.
#pragma once

#include <cstdint>

#include "base/file_system.hpp"
#include "store/message_file.hpp"

namespace mbx::store {

// How many bytes the file has once every line ends with CRLF: its RFC822.SIZE. Reads it whole, in pieces.
Result<std::uint64_t, FileError> wire_size(File& file);

// The bytes of `file`, which are to be `size` in wire form. A file of just that size is served as it is, a smaller one
// is another tool's with LF and is converted in memory. Null where the size comes out different: the file was changed.
Result<MessageFilePtr, FileError> load_message(std::unique_ptr<File> file, std::uint64_t size);

}  // namespace mbx::store
