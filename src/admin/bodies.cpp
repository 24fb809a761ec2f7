#include "admin/bodies.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::admin {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxNames = 1000;

// Watches a parse: counts depth and remembers the member names of every object under way.
class Watcher {
public:
    bool operator()(int depth, json::parse_event_t event, json& value)
    {
        if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
            is_too_deep_ = is_too_deep_ || depth >= static_cast<int>(kMaxJsonDepth);
            if (event == json::parse_event_t::object_start) names_.emplace_back();
        } else if (event == json::parse_event_t::object_end) {
            names_.pop_back();
        } else if (event == json::parse_event_t::key) {
            const bool is_new = names_.back().insert(value.get_ref<const std::string&>()).second;
            if (!is_new) duplicate_ = value.get_ref<const std::string&>();
        }
        // What is refused already need not be built.
        return !is_too_deep_ && duplicate_.empty();
    }
    bool is_too_deep() const { return is_too_deep_; }
    const std::string& duplicate() const { return duplicate_; }

private:
    std::vector<std::set<std::string>> names_;
    bool is_too_deep_ = false;
    std::string duplicate_;
};

// Takes the members of one object out by name and type; the first thing that is wrong is kept.
class Members {
public:
    Members(std::string attempted, std::string_view text) : attempted_(std::move(attempted))
    {
        Watcher watcher;
        const auto watch = [&watcher](int depth, json::parse_event_t event, json& value) {
            return watcher(depth, event, value);
        };
        object_ = json::parse(text, watch, false);
        if (watcher.is_too_deep()) fail(fmt::format("the JSON is nested deeper than {} levels", kMaxJsonDepth));
        else if (!watcher.duplicate().empty()) fail("the member " + watcher.duplicate() + " stands there twice");
        else if (object_.is_discarded()) fail("the content is not JSON (RFC 8259)");
        else if (!object_.is_object()) fail("the content is not a JSON object");
        if (!complaint_.empty()) object_ = json::object();
    }

    std::optional<std::string> text(const char* name, std::size_t most = kMaxText)
    {
        const auto value = take(name);
        if (!value) return std::nullopt;
        if (!value->is_string()) return wrong<std::string>(name, "a text");
        auto text = value->get<std::string>();
        if (text.size() > most) return wrong<std::string>(name, fmt::format("at most {} bytes long", most));
        return text;
    }
    std::optional<bool> flag(const char* name)
    {
        const auto value = take(name);
        if (!value) return std::nullopt;
        return value->is_boolean() ? std::optional(value->get<bool>()) : wrong<bool>(name, "true or false");
    }
    std::optional<std::uint64_t> number(const char* name)
    {
        const auto value = take(name);
        if (!value) return std::nullopt;
        // Up to 2^63-1: what SQLite and most readers of JSON can hold (HOSTILE row J10).
        const bool is_good = value->is_number_unsigned() && value->get<std::uint64_t>() <= INT64_MAX;
        return is_good ? std::optional(value->get<std::uint64_t>())
                       : wrong<std::uint64_t>(name, "a whole number from 0 to 9223372036854775807");
    }
    std::optional<std::vector<std::string>> texts(const char* name, std::size_t most = kMaxNames)
    {
        const auto value = take(name);
        if (!value) return std::nullopt;
        std::vector<std::string> all;
        if (value->is_array() && value->size() <= most) {
            for (const json& one : *value) {
                if (one.is_string() && one.get_ref<const std::string&>().size() <= kMaxText) {
                    all.push_back(one.get<std::string>());
                }
            }
            if (all.size() == value->size()) return all;
        }
        return wrong<std::vector<std::string>>(name, fmt::format("a list of at most {} texts", most));
    }
    std::string required(const char* name)
    {
        auto value = text(name);
        if (!value && complaint_.empty()) fail(fmt::format("the member {} is missing", name));
        return value.value_or("");
    }

    void fail(std::string complaint)
    {
        if (complaint_.empty()) complaint_ = std::move(complaint);
    }

    // What is wrong, members nobody asked for included.
    std::optional<Error> finish()
    {
        if (!object_.empty()) fail("the member " + object_.begin().key() + " is not known here");
        if (complaint_.empty()) return std::nullopt;
        return Error{attempted_, complaint_, "docs/openapi.json says what is taken"};
    }

private:
    std::optional<json> take(const char* name)
    {
        const auto found = object_.find(name);
        if (found == object_.end()) return std::nullopt;
        json value = std::move(*found);
        object_.erase(found);
        return value;
    }
    template <typename Value>
    std::optional<Value> wrong(const char* name, std::string_view wanted)
    {
        fail(fmt::format("the member {} must be {}", name, wanted));
        return std::nullopt;
    }

    std::string attempted_;
    json object_;
    std::string complaint_;
};

PasswordBody take_password(Members& members)
{
    PasswordBody body;
    body.password = members.text("password", 64U * 1024);  // its own rule says more than "too long"
    body.generate = members.flag("generate_password").value_or(false);
    if (body.password && body.generate) members.fail("password and generate_password exclude each other");
    return body;
}

}  // namespace

Result<NewDomainBody, Error> parse_new_domain(std::string_view text)
{
    Members members("adding a domain", text);
    NewDomainBody body;
    body.name = members.required("name");
    body.change.catch_all = members.text("catch_all");
    body.change.enabled = members.flag("enabled");
    if (auto error = members.finish()) return *error;
    return body;
}

Result<directory::DomainChange, Error> parse_domain_change(std::string_view text)
{
    Members members("changing the domain", text);
    directory::DomainChange change;
    change.catch_all = members.text("catch_all");
    change.enabled = members.flag("enabled");
    if (auto error = members.finish()) return *error;
    return change;
}

Result<NewAccountBody, Error> parse_new_account(std::string_view text)
{
    Members members("adding an account", text);
    NewAccountBody body;
    body.address = members.required("address");
    body.password = take_password(members);
    body.full_name = members.text("full_name").value_or("");
    body.quota_bytes = members.number("quota_bytes").value_or(0);
    body.quota_messages = members.number("quota_messages").value_or(0);
    body.is_administrator = members.flag("administrator").value_or(false);
    if (!body.password.password && !body.password.generate) members.fail("password or generate_password is missing");
    if (auto error = members.finish()) return *error;
    return body;
}

Result<directory::AccountChange, Error> parse_account_change(std::string_view text)
{
    Members members("changing the account", text);
    directory::AccountChange change;
    change.full_name = members.text("full_name");
    change.quota_bytes = members.number("quota_bytes");
    change.quota_messages = members.number("quota_messages");
    change.enabled = members.flag("enabled");
    change.is_administrator = members.flag("administrator");
    change.forward = members.texts("forward");
    change.keeps_copy = members.flag("keep_copy");
    if (auto error = members.finish()) return *error;
    return change;
}

Result<PasswordBody, Error> parse_password(std::string_view text)
{
    Members members("setting the password", text);
    PasswordBody body = take_password(members);
    if (!body.password && !body.generate) members.fail("password or generate_password is missing");
    if (auto error = members.finish()) return *error;
    return body;
}

Result<std::string, Error> parse_app_password(std::string_view text)
{
    Members members("making an app password", text);
    std::string label = members.required("label");
    if (auto error = members.finish()) return *error;
    return label;
}

Result<directory::Alias, Error> parse_new_alias(std::string_view text)
{
    Members members("adding an alias", text);
    directory::Alias alias;
    alias.address = members.required("address");
    auto targets = members.texts("targets", directory::kMostTargets);
    if (!targets) members.fail("the member targets is missing");
    alias.targets = std::move(targets).value_or(std::vector<std::string>());
    alias.enabled = members.flag("enabled").value_or(true);
    alias.owner = members.text("owner").value_or("");
    if (auto error = members.finish()) return *error;
    return alias;
}

Result<AliasChangeBody, Error> parse_alias_change(std::string_view text)
{
    Members members("changing the alias", text);
    AliasChangeBody body;
    body.targets = members.texts("targets", directory::kMostTargets);
    body.enabled = members.flag("enabled");
    body.owner = members.text("owner");
    if (auto error = members.finish()) return *error;
    return body;
}

Result<UndeleteBody, Error> parse_undelete(std::string_view text)
{
    Members members("undeleting messages", text);
    UndeleteBody body;
    body.names = members.texts("names").value_or(std::vector<std::string>());
    body.since = members.text("since").value_or("");
    body.mailbox = members.text("mailbox").value_or("");
    body.all = members.flag("all").value_or(false);
    body.target = members.text("target");
    const bool has_filter = body.all || !body.since.empty() || !body.mailbox.empty();
    if (body.names.empty() && !has_filter) members.fail("one of names, since, mailbox and all must say which");
    if (!body.names.empty() && has_filter) members.fail("names and since, mailbox or all exclude each other");
    if (auto error = members.finish()) return *error;
    return body;
}

Result<AccessBody, Error> parse_access_change(std::string_view text)
{
    Members members("changing rights of a mailbox", text);
    AccessBody body;
    body.mailbox = members.required("mailbox");
    body.identifier = members.required("identifier");
    body.rights = members.required("rights");
    if (auto error = members.finish()) return *error;
    return body;
}

Result<QueueActBody, Error> parse_queue_act(std::string_view text)
{
    Members members("changing the queue", text);
    QueueActBody body;
    body.act_name = members.required("act");
    if (body.act_name == "hold") body.act = queue::Act::hold;
    else if (body.act_name == "release") body.act = queue::Act::release;
    else if (body.act_name == "retry") body.act = queue::Act::retry;
    else if (body.act_name == "bounce") body.act = queue::Act::bounce;
    else if (body.act_name == "delete") body.act = queue::Act::remove;
    else members.fail("the member act must be hold, release, retry, bounce or delete");
    queue::Selection& which = body.selection;
    which.ids = members.texts("ids").value_or(std::vector<std::string>());
    for (std::string& id : which.ids) id = ascii::to_lower(id);
    // One that is there and says nothing would let all through.
    const auto filter = [&members](const char* name) {
        const auto text = members.text(name);
        if (text && text->empty()) members.fail("the member " + std::string(name) + " is empty: say whom it means, or leave it out");
        return text.value_or("");
    };
    which.destination = filter("destination");
    which.sender = filter("sender");
    which.recipient = filter("recipient");
    drop_final_dots(which);
    which.is_all = members.flag("all").value_or(false);
    const bool has_filter = !which.destination.empty() || !which.sender.empty() || !which.recipient.empty();
    if (which.ids.empty() && !has_filter && !which.is_all)
        members.fail("one of ids, destination, sender, recipient and all must say which");
    if (!which.ids.empty() && (has_filter || which.is_all)) members.fail("ids and the other members exclude each other");
    if (which.is_all && has_filter) members.fail("all and destination, sender or recipient exclude each other");
    // A release is looked at where the standing holds are known.
    if (auto fault = fault_of(which); !fault.empty() && body.act != queue::Act::release) members.fail(std::move(fault));
    body.is_standing = members.flag("standing").value_or(false);
    if (body.is_standing && (body.act != queue::Act::hold || !which.ids.empty()))
        members.fail("standing goes with the act hold, and with destination, sender, recipient or all");
    if (auto error = members.finish()) return *error;
    return body;
}

Result<IndexTaskBody, Error> parse_index_task(std::string_view text)
{
    Members members("looking after an index", text);
    IndexTaskBody body;
    const std::string work = members.required("work");
    body.rebuild = work == "rebuild";
    if (!body.rebuild && work != "check") members.fail("the member work must be \"check\" or \"rebuild\"");
    body.account = members.text("account").value_or("");
    if (auto error = members.finish()) return *error;
    return body;
}

}  // namespace mbx::admin
