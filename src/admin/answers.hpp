// Outcomes of the inner parts as HTTP answers. Private to admin/. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "directory/directory.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "store/types.hpp"

namespace mbx::admin {

http::Response refused(const directory::Refusal& refusal);
http::Response not_found(std::string attempted, std::string what, std::string advice);
// The account of that address in any case, or null; it lives as long as the snapshot.
const directory::Account* find_account(const directory::Snapshot& snapshot, std::string_view address);
http::Response no_account(std::string_view address);
store::AccountKey key_of(const directory::Account& account);
// For a member that is well-formed and cannot be taken: 422.
http::Response unprocessable(const Error& error);
// 201 with a Location for what was made.
http::Response created(std::string location, std::string body);

std::string_view describe(store::StoreError error);

// What is wrong with the form of a request that carries JSON: the media type (415), a coded body (415).
std::optional<http::Response> refuse_content(const http::Request& request);

}  // namespace mbx::admin
