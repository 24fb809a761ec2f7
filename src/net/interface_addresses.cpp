#include "net/interface_addresses.hpp"

#include <uv.h>

#include <cstring>

#include "net/socket_address.hpp"

namespace mbx::net {

std::vector<IpAddress> interface_addresses()
{
    uv_interface_address_t* list = nullptr;
    int count = 0;
    if (uv_interface_addresses(&list, &count) != 0) return {};
    std::vector<IpAddress> all;
    for (int n = 0; n < count; ++n) {
        sockaddr_storage address{};
        const std::size_t size = list[n].address.address4.sin_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        std::memcpy(&address, &list[n].address, size);
        all.push_back(from_socket_address(address).address);
    }
    uv_free_interface_addresses(list, count);
    return all;
}

}  // namespace mbx::net
