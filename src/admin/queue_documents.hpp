// JSON of mail on its way to other servers, as docs/openapi.json describes it. Private to admin/. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "queue/queue.hpp"

namespace mbx::admin {

std::string queue_page_json(const queue::Page& page, const queue::Selection& asked, const std::vector<queue::HoldRule>& holds, WallTime now);
std::string queued_json(const queue::Listed& listed, WallTime now);
std::string queue_act_json(std::string_view act, const queue::Acted& acted);
std::string holds_json(const std::vector<queue::HoldRule>& holds);

}  // namespace mbx::admin
