// The acts about accounts' indexes.
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "base/ascii.hpp"

namespace mbx::admin {
namespace {

std::vector<store::AccountKey> keys_of(const directory::Snapshot& snapshot, const std::string& address)
{
    std::vector<store::AccountKey> keys;
    const std::string low = ascii::to_lower(address);
    for (const auto& account : snapshot.accounts()) {
        if (!low.empty() && account.address() != low) continue;
        keys.push_back({account.id.value, account.local_part, account.domain});
    }
    return keys;
}

}  // namespace

co::Task<http::Response> Administration::start_index_task(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    const auto body = parse_index_task(request.body);
    if (!body) co_return http::problem(400, body.error());
    auto keys = keys_of(*deps_.directory.snapshot(), body->account);
    if (keys.empty() && !body->account.empty()) {
        co_return not_found("looking up the account " + body->account, "there is none of that address",
                            "mailboxctl account list shows all");
    }
    const IndexTask* task = index_tasks_.start(body->rebuild, std::move(keys));
    if (task == nullptr) {
        co_return http::problem(409, Error{"looking after an index", "another check or rebuild is under way",
                                           "wait until it is done"});
    }
    audit(request, body->rebuild ? "index rebuild" : "index check", body->account.empty() ? "all" : body->account);
    http::Response response = http::json_response(202, index_task_json(*task));
    response.fields.push_back(http::Field{"Location", "/api/v1/index/tasks/" + std::to_string(task->id)});
    co_return response;
}

co::Task<http::Response> Administration::show_index_task(const http::Request& request)
{
    const auto id = ascii::parse_number(request.parameter("id"));
    const IndexTask* task = id ? index_tasks_.find(*id) : nullptr;
    if (task == nullptr) {
        co_return not_found("asking how far a check or rebuild is", "there is none of that number",
                            "the newest sixteen are remembered");
    }
    co_return http::json_response(200, index_task_json(*task));
}

}  // namespace mbx::admin
