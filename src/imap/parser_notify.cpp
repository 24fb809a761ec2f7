// NOTIFY (RFC 5465 section 8).
#include "base/ascii.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

constexpr std::size_t kMaxGroups = 100;

bool is_selected(MailboxScope scope) { return scope == MailboxScope::selected || scope == MailboxScope::selected_delayed; }

// What a group asks for, before it is judged as a whole.
struct Events {
    bool message_new = false;
    bool message_expunge = false;
    bool mailbox_event = false;
};

class GroupReader {
public:
    GroupReader(Cursor& at, Notify& notify) : at_(at), notify_(notify) {}

    bool read()
    {
        if (!at_.expect('(')) return false;
        auto filter = parse_mailbox_filter(at_, count_);
        if (!filter || !at_.space()) return false;
        // RFC 7377 adds it for ESEARCH alone.
        if (filter->scope == MailboxScope::subtree_one) return refuse("SUBTREE-ONE is for ESEARCH");
        NotifyGroup group;
        group.mailboxes = std::move(*filter);
        if (is_selected(group.mailboxes.scope) && std::exchange(has_selected_, true)) {
            return refuse("SELECTED twice");  // section 6.1
        }
        Events events;
        if (!at_.take_word("NONE") && !read_events(group, events)) return false;
        if (!judge(group, events) || !at_.expect(')')) return false;
        notify_.groups.push_back(std::move(group));
        return true;
    }

private:
    bool refuse(const char* reason)
    {
        (void)at_.fail(reason);
        return false;
    }

    bool read_events(NotifyGroup& group, Events& events)
    {
        if (!at_.expect('(')) return false;
        do {
            const auto name = at_.atom();
            if (!name || !take(*name, group, events)) return false;
        } while (at_.take(' '));
        return at_.expect(')');
    }

    bool take(std::string_view name, NotifyGroup& group, Events& events)
    {
        if (ascii::same(name, "MessageNew")) {
            events.message_new = true;
            if (!at_.rest().starts_with(" (")) return true;
            if (!is_selected(group.mailboxes.scope)) return refuse("FETCH attributes are for the selected mailbox");
            return at_.space() && parse_fetch_attributes(at_, group.items);
        }
        if (ascii::same(name, "MessageExpunge")) {
            events.message_expunge = true;
        } else if (ascii::same(name, "FlagChange")) {
            group.flags = true;
        } else if (ascii::same(name, "MailboxName")) {
            events.mailbox_event = true;
            group.names = true;
        } else if (ascii::same(name, "SubscriptionChange")) {
            events.mailbox_event = true;
            group.subscriptions = true;
        } else if (ascii::same(name, "MailboxMetadataChange")) {
            events.mailbox_event = true;
            group.metadata = true;
        } else if (ascii::same(name, "ServerMetadataChange")) {
            events.mailbox_event = true;
            group.server_metadata = true;
        } else {
            notify_.has_unknown_event = true;  // section 3.1: NO, not BAD
        }
        return true;
    }

    // Section 5: FlagChange needs the other two, and those need each other. Section 6.1: of the selected mailbox only
    // events of messages.
    bool judge(NotifyGroup& group, const Events& events)
    {
        if (events.message_new != events.message_expunge) return refuse("MessageNew and MessageExpunge go together");
        if (group.flags && !events.message_new) return refuse("FlagChange needs MessageNew and MessageExpunge");
        if (is_selected(group.mailboxes.scope) && events.mailbox_event) return refuse("only message events of the selected mailbox");
        group.messages = events.message_new;
        return true;
    }

    Cursor& at_;
    Notify& notify_;
    std::size_t count_ = 0;
    bool has_selected_ = false;
};

}  // namespace

std::optional<Request> parse_notify(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    Notify notify;
    if (at.take_word("NONE")) return Request(std::move(notify));
    if (!at.take_word("SET")) return at.fail("expected SET or NONE");
    if (!at.space()) return std::nullopt;
    notify.status = at.take_word("STATUS");
    if (notify.status && !at.space()) return std::nullopt;
    GroupReader reader(at, notify);
    do {
        if (notify.groups.size() == kMaxGroups) return at.fail("too many event groups");
        if (!reader.read()) return std::nullopt;
    } while (at.take(' '));
    return Request(std::move(notify));
}

}  // namespace mbx::imap::detail
