// The acts about mail on its way to other servers.
#include <algorithm>
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "admin/queue_documents.hpp"
#include "base/ascii.hpp"

namespace mbx::admin {
namespace {

constexpr std::size_t kUsualQueuePage = 100;
constexpr std::size_t kMostQueuePage = 1000;

http::Response no_queue()
{
    return http::problem(503, Error{"asking the queue", "there is none", "the log says why it could not be opened"});
}

bool is_known_hold(const queue::Queue& queue, const queue::Selection& selection)
{
    const auto holds = queue.holds();
    return std::any_of(holds.begin(), holds.end(), [&selection](const queue::HoldRule& rule) { return rule.which.is_same(selection); });
}

Error meaningless(std::string attempted, std::string fault)
{
    return Error{std::move(attempted), std::move(fault), "a sender is written like ann@example.org, @example.org or <>, a recipient like ann@example.org, a destination like example.org"};
}

}  // namespace

co::Task<http::Response> Administration::list_queue(const http::Request& request)
{
    if (deps_.queue == nullptr) co_return no_queue();
    queue::Selection selection;
    std::string after;
    std::size_t limit = kUsualQueuePage;
    std::string empty;
    const auto filter = [&](const char* name) {
        const std::string* text = request.target.query_value(name);
        if (text != nullptr && text->empty()) empty = name;
        return text == nullptr ? std::string() : *text;
    };
    selection.destination = filter("destination");
    selection.sender = filter("sender");
    selection.recipient = filter("recipient");
    if (!empty.empty()) co_return unprocessable(Error{"listing the queue", empty + " is empty", "say whom it means, or leave it out"});
    drop_final_dots(selection);
    if (auto fault = fault_of(selection); !fault.empty()) co_return unprocessable(meaningless("listing the queue", std::move(fault)));
    if (const std::string* text = request.target.query_value("after")) after = *text;
    if (const std::string* text = request.target.query_value("limit")) {
        const auto number = ascii::parse_number(*text);
        if (!number || *number == 0 || *number > kMostQueuePage)
            co_return unprocessable(Error{"listing the queue", "limit is not a number from 1 to 1000", ""});
        limit = static_cast<std::size_t>(*number);
    }
    const bool is_place = after.empty() || queue::is_entry_id(after);
    if (!is_place) co_return unprocessable(Error{"listing the queue", "after is no id", "take it from next of the page before"});
    queue::Selection asked = selection;
    const auto page = co_await deps_.queue->list(std::move(asked), std::move(after), limit);
    if (!page) co_return http::problem(500, page.error());
    co_return http::json_response(200, queue_page_json(*page, selection, deps_.queue->holds(), deps_.clock.wall()));
}

co::Task<http::Response> Administration::list_holds(const http::Request& request)
{
    (void)request;
    if (deps_.queue == nullptr) co_return no_queue();
    co_return http::json_response(200, holds_json(deps_.queue->holds()));
}

co::Task<http::Response> Administration::show_queued(const http::Request& request)
{
    if (deps_.queue == nullptr) co_return no_queue();
    const std::string id = ascii::to_lower(request.parameter("id"));
    const auto listed = co_await deps_.queue->show(id);
    if (!listed) {
        co_return not_found("showing the message " + id, "it is not in the queue",
                            "mailboxctl trace " + id + " tells what became of it, mailboxctl queue list shows what waits");
    }
    co_return http::json_response(200, queued_json(*listed, deps_.clock.wall()));
}

co::Task<http::Response> Administration::change_queue(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto body = parse_queue_act(request.body);
    if (!body) co_return http::problem(400, body.error());
    if (deps_.queue == nullptr) co_return no_queue();
    // What no mail can have is refused, but for the release of a standing hold that an older version let begin so.
    auto fault = fault_of(body->selection);
    if (!fault.empty() && !is_known_hold(*deps_.queue, body->selection))
        co_return http::problem(400, meaningless("changing the queue", std::move(fault)));
    const std::string act = body->act_name;
    const std::string what = body->selection.ids.empty() ? describe(body->selection) : "named messages";
    const bool is_standing = body->is_standing;
    Result<queue::Acted, Error> acted = queue::Acted();
    if (is_standing) {
        acted = co_await deps_.queue->hold_from_now_on(std::move(body->selection), "the administrator");
    } else {
        acted = co_await deps_.queue->act(body->act, std::move(body->selection), "the administrator");
    }
    if (!acted) co_return http::problem(500, acted.error());
    audit(request, "queue " + act + (is_standing ? " from now on" : ""), what + ", messages: " + std::to_string(acted->messages));
    co_return http::json_response(200, queue_act_json(act, *acted));
}

}  // namespace mbx::admin
