// The places that traced messages had, each with its time: how an act in a mailbox is matched with the message it is about,
// and what befell mailboxes with messages in them. Private to trace/, on the writer's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "trace/recorder.hpp"
#include "trace/sqlite.hpp"

namespace mbx::trace {

class PlaceTable {
public:
    explicit PlaceTable(Database& database);

    struct Delivery {
        std::int64_t message = 0;  // 0: none of ours
        std::string recipient;     // of its delivery, whoever's mailbox it is in by now
    };
    // Whose place that is or was.
    Delivery find(const MessagePlace& place);
    // Of rows that were written before places were kept (schema 1): the message that lay there by name.
    Delivery find_named(std::string_view account, std::string_view mailbox, std::uint32_t uid);

    // It lies there from then on. A place that another one had before a crash undid that is this one's.
    void enter(const Delivery& delivery, const MessagePlace& place, std::int64_t at);
    void leave(const MessagePlace& place, std::int64_t at);
    // Its places so far were undone.
    void forget(std::int64_t message, std::string_view recipient);
    void forget(std::int64_t message);

    // One row, however many messages are in it; none where no traced one ever was.
    void add_act(const MessagePlace& mailbox, std::int64_t at, std::string_view kind, std::string_view facts);
    // Acts of before: no message that is still known was there.
    void forget_acts(std::int64_t before);

private:
    Statement find_, find_named_, enter_, leave_, forget_one_, forget_all_, add_act_, forget_acts_;
};

}  // namespace mbx::trace
