// The acts about an account's mail: what it holds, what was expunged, and having that back.
#include <algorithm>
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "base/ascii.hpp"
#include "config/since.hpp"

namespace mbx::admin {
namespace {

constexpr std::size_t kUsualListing = 100;
constexpr std::size_t kMostListing = 1000;
constexpr std::size_t kMostRestored = 100'000;  // of one request
constexpr std::size_t kSlice = 200;             // of one job, so that the account's other jobs come in between

http::Response store_refused(std::string attempted, store::StoreError error)
{
    const int status = error == store::StoreError::no_such_mailbox ? 404
                       : error == store::StoreError::invalid_name || error == store::StoreError::over_quota ? 422
                                                                                                              : 500;
    return http::problem(status, Error{std::move(attempted), std::string(describe(error)), ""});
}

// The query of a listing, or what is wrong with it.
Result<store::ExpungedFilter, Error> read_filter(const http::Target& target, WallTime now)
{
    const std::string attempted = "listing expunged messages";
    store::ExpungedFilter filter;
    filter.most = kUsualListing;
    if (const std::string* mailbox = target.query_value("mailbox")) filter.mailbox = *mailbox;
    if (const std::string* text = target.query_value("since")) {
        const auto since = config::parse_since(*text, now);
        if (!since) return Error{attempted, "since is no time", "write it like 2h, 2026-11-20 or 2026-11-20T10:00:00Z"};
        filter.since = *since;
    }
    if (const std::string* text = target.query_value("limit")) {
        const auto limit = ascii::parse_number(*text);
        if (!limit || *limit == 0 || *limit > kMostListing)
            return Error{attempted, "limit is not a number from 1 to 1000", ""};
        filter.most = static_cast<std::size_t>(*limit);
    }
    return filter;
}

// Mailboxes first, so that messages which were in them find them; then messages as they went.
std::vector<std::string> in_order(const store::ExpungedList& list)
{
    std::vector<std::string> names;
    for (const bool mailboxes : {true, false}) {
        for (auto it = list.entries.rbegin(); it != list.entries.rend(); ++it) {
            if (it->is_mailbox == mailboxes) names.push_back(it->name);
        }
    }
    return names;
}

}  // namespace

co::Task<std::optional<MailboxUsage>> Administration::mailbox_usage(directory::Account account)
{
    const store::AccountKey key = key_of(account);
    const auto mailbox = co_await deps_.store.account(key);
    if (!mailbox) co_return std::nullopt;
    const std::shared_ptr<store::Account> open = *mailbox;
    auto ask = [](store::AccountStore& store) {
        MailboxUsage usage;
        const auto now = store.usage();
        usage.bytes = now.bytes;
        usage.messages = now.messages;
        store::ExpungedFilter all;
        all.most = 0;
        all.with_headers = false;
        const auto expunged = store.expunged_messages(all);
        if (expunged) {
            usage.expunged_bytes = expunged->bytes;
            usage.expunged_messages = expunged->messages;
        }
        return usage;
    };
    MailboxUsage usage = co_await open->run(net::WorkClass::interactive, std::move(ask));
    const auto limits = deps_.store.quota(key);
    usage.quota = {limits.bytes, limits.messages};
    usage.warn_percent = options_.warn_percent;
    co_return usage;
}

co::Task<http::Response> Administration::show_usage(const http::Request& request)
{
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = find_account(*snapshot, request.parameter("address"));
    if (account == nullptr) co_return no_account(request.parameter("address"));
    const auto usage = co_await mailbox_usage(*account);
    if (!usage) {
        co_return http::problem(500, Error{"asking the mailbox of " + request.parameter("address"),
                                           "it cannot be opened", "the log names the path"});
    }
    co_return http::json_response(200, usage_json(*usage));
}

co::Task<http::Response> Administration::list_expunged(const http::Request& request)
{
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = find_account(*snapshot, request.parameter("address"));
    if (account == nullptr) co_return no_account(request.parameter("address"));
    const auto filter = read_filter(request.target, deps_.clock.wall());
    if (!filter) co_return unprocessable(filter.error());
    const store::AccountKey key = key_of(*account);
    const auto mailbox = co_await deps_.store.account(key);
    if (!mailbox) co_return store_refused("opening the mailbox", mailbox.error());
    const std::shared_ptr<store::Account> open = *mailbox;
    auto ask = [&filter](store::AccountStore& store) { return store.expunged_messages(*filter); };
    const auto list = co_await open->run(net::WorkClass::interactive, std::move(ask));
    if (!list) co_return store_refused("listing expunged messages", list.error());
    co_return http::json_response(200, expunged_json(*list, options_.undelete_keep));
}

co::Task<http::Response> Administration::undelete(const http::Request& request)
{
    const std::string attempted = "undeleting messages of " + request.parameter("address");
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto body = parse_undelete(request.body);
    if (!body) co_return http::problem(400, body.error());
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = find_account(*snapshot, request.parameter("address"));
    if (account == nullptr) co_return no_account(request.parameter("address"));
    const std::string address = account->address();
    store::ExpungedFilter filter;
    filter.mailbox = body->mailbox;
    filter.most = kMostRestored;
    filter.with_headers = false;
    const auto since = body->since.empty() ? std::optional<std::int64_t>(0) : config::parse_since(body->since, deps_.clock.wall());
    if (!since)
        co_return unprocessable(Error{attempted, "since is no time", "write it like 2h, 2026-11-20 or 2026-11-20T10:00:00Z"});
    filter.since = *since;
    const store::AccountKey key = key_of(*account);
    const auto mailbox = co_await deps_.store.account(key);
    if (!mailbox) co_return store_refused(attempted, mailbox.error());
    const std::shared_ptr<store::Account> open = *mailbox;

    std::vector<std::string> names = std::move(body->names);
    if (names.empty()) {
        auto ask = [&filter](store::AccountStore& store) { return store.expunged_messages(filter); };
        const auto list = co_await open->run(net::WorkClass::interactive, std::move(ask));
        if (!list) co_return store_refused(attempted, list.error());
        names = in_order(*list);
    }
    std::vector<store::Undeleted> restored;
    for (std::size_t from = 0; from < names.size(); from += kSlice) {
        const auto begin = names.begin() + static_cast<std::ptrdiff_t>(from);
        const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), from + kSlice));
        const std::vector<std::string> slice(begin, end);
        const store::TracedAct act{"the administrator"};
        auto restore = [&slice, &body, &act](store::AccountStore& store) { return store.undelete(slice, body->target, &act); };
        auto done = co_await open->run(net::WorkClass::interactive, std::move(restore));
        if (!done && restored.empty()) co_return store_refused(attempted, done.error());
        if (!done) {
            for (const auto& name : slice) restored.push_back(store::Undeleted{name, "", 0, done.error()});
            continue;
        }
        restored.insert(restored.end(), done->begin(), done->end());
    }
    audit(request, "expunged messages restored", address);
    co_return http::json_response(200, restored_json(restored));
}

}  // namespace mbx::admin
