#include "trace/rows.hpp"

namespace mbx::trace {

std::string_view name_of(EventKind kind)
{
    switch (kind) {
    case EventKind::accepted: return "accepted";
    case EventKind::refused: return "refused";
    case EventKind::placed: return "placed";
    case EventKind::queued: return "queued";
    case EventKind::attempted: return "attempted";
    case EventKind::delivered: return "delivered";
    case EventKind::failed: return "failed";
    case EventKind::reported: return "reported";
    case EventKind::expanded: return "expanded";
    case EventKind::held: return "held";
    case EventKind::released: return "released";
    case EventKind::retried: return "retried";
    case EventKind::returned: return "returned";
    case EventKind::deleted: return "deleted";
    case EventKind::expunged: return "expunged";
    case EventKind::moved: return "moved";
    case EventKind::report_waits: return "report_waits";
    case EventKind::restored: return "restored";
    case EventKind::mailbox_renamed: return "mailbox_renamed";
    case EventKind::mailbox_deleted: return "mailbox_deleted";
    case EventKind::mailbox_restored: return "mailbox_restored";
    }
    return "accepted";
}

}  // namespace mbx::trace
