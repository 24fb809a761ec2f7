// The addresses of this machine's interfaces, as they are now: blocks for a moment. Any thread.
#pragma once

#include <vector>

#include "net/address.hpp"

namespace mbx::net {

// Loopback ones too. Empty where the system does not say.
std::vector<IpAddress> interface_addresses();

}  // namespace mbx::net
