// What `mailboxctl journal` shows.
#include <algorithm>

#include <fmt/format.h>

#include "journal/scan.hpp"

namespace mbx::journal {

Result<Recovery, Error> inspect(FileSystem& files, const std::string& directory,
                                const std::function<void(const FrameInfo&)>& frame, const Journal::Visit& record)
{
    const auto loaded = load_journal(files, directory, LoadFor::watching);
    if (!loaded) return loaded.error();
    if (!loaded->state) {
        return Error{"reading the journal in " + directory, "there is none", "name the data directory of a server"};
    }
    for (const FoundFrame& found : loaded->found) {
        const FrameHeader& header = found.header;
        if (!frame) break;
        frame({found.segment, header.offset, header.extent(), header.first, header.records, header.claims_durable,
               header.checkpoint, found.is_intact});
    }
    if (record) {
        auto visited = visit_records(files, directory, *loaded, 0, record);
        if (!visited) return visited.error();
    }
    if (loaded->chain.damage) {
        const JournalDamage& damage = *loaded->chain.damage;
        return Error{"reading the journal in " + directory,
                     fmt::format("segment {} at offset {}: {}", damage.segment, damage.offset, damage.what),
                     "in a journal that is in use this may be a segment that was recycled meanwhile: look again"};
    }
    Recovery recovery;
    recovery.checkpoint = loaded->chain.checkpoint;
    recovery.end = loaded->chain.end;
    recovery.was_closed = loaded->state->closed && recovery.checkpoint == recovery.end;
    recovery.voids = loaded->state->voids;
    return recovery;
}

}  // namespace mbx::journal
