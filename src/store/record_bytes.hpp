// How the store writes its records.
#pragma once

#include "base/record_bytes.hpp"

namespace mbx::store {

using mbx::RecordReader;
using mbx::RecordWriter;

}  // namespace mbx::store
