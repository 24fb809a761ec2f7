// AUTH of the client (RFC 4954), for smart hosts. Loop thread; what SCRAM computes runs on the workers.
#pragma once

#include <optional>

#include "net/workers.hpp"
#include "smtp/client.hpp"
#include "smtp/client_link.hpp"
#include "smtp/client_offer.hpp"

namespace mbx::smtp {

// Logs in with the best of what is offered: SCRAM-SHA-256-PLUS where the channel can be bound, SCRAM-SHA-256, PLAIN, LOGIN.
// Never outside of TLS. Why not, as a temporary answer: a password that is wrong today is put right by an administrator,
// and no mail is lost by it.
co::Task<std::optional<queue::Answer>> log_in_to_server(ClientLink& link, net::Workers& workers,
                                                        const ClientOptions& options, const PeerOffer& offer);

}  // namespace mbx::smtp
