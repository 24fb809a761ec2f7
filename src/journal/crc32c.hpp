// The journal's check sum, under the name that it has there.
#pragma once

#include "base/crc32c.hpp"

namespace mbx::journal {

using mbx::crc32c;
using mbx::crc32c_by_table;

}  // namespace mbx::journal
