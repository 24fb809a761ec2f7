// Any bytes as one IMAP command: what parses keeps the bounds that the session relies on, and names go round.
#include <cstdlib>

#include "base/ascii.hpp"
#include "imap/cursor.hpp"
#include "imap/parser.hpp"
#include "imap/response.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

void check(bool holds)
{
    if (!holds) std::abort();
}

void check_set(const SequenceSet& set)
{
    for (const std::uint32_t largest : {0U, 1U, 1000U, UINT32_MAX}) {
        const auto resolved = set.resolve(largest);
        for (std::size_t i = 0; i < resolved.size(); ++i) {
            check(resolved[i].first != 0 && resolved[i].first <= resolved[i].last);
            check(i == 0 || std::uint64_t{resolved[i - 1].last} + 1 < resolved[i].first);
        }
        if (!resolved.empty()) check(SequenceSet::parse(to_text(resolved))->resolve(largest).size() == resolved.size());
    }
}

void check_program(const std::vector<SearchNode>& nodes)
{
    check(!nodes.empty() && nodes.size() <= kMaxSearchKeys + 2 * kMaxSearchDepth + 2 && nodes[0].end == nodes.size());
    std::vector<std::uint32_t> open;
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
        while (!open.empty() && open.back() <= i) open.pop_back();
        check(nodes[i].end > i && (open.empty() || nodes[i].end <= open.back()));
        open.push_back(nodes[i].end);
        check(open.size() <= kMaxSearchDepth + 2);
        if (nodes[i].kind == SearchKind::none_of) check(nodes[i + 1].end == nodes[i].end);
        check_set(nodes[i].set);
    }
}

// What we would answer as this name is read back as this name.
void check_name(const std::string& name, bool utf8)
{
    check(ascii::is_utf8(name));
    if (name.find('\0') != std::string::npos) return;
    const auto again = parse_command("a SELECT " + mailbox_text(name, utf8), utf8);
    check(static_cast<bool>(again));
    check(std::get<Select>(again->request).mailbox == name);
}

void check_command(const Command& command, bool utf8)
{
    check(!command.tag.empty() && command.tag.size() <= kMaxTag && command.tag.find('+') == std::string::npos);
    if (const auto* fetch = std::get_if<Fetch>(&command.request)) {
        check(!fetch->items.empty() && fetch->items.size() <= kMaxFetchItems);
        check_set(fetch->messages);
        for (const auto& item : fetch->items) {
            check(item.label.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
            check(!item.partial || item.partial->count != 0);
        }
    }
    if (const auto* search = std::get_if<Search>(&command.request)) check_program(search->program);
    if (const auto* store = std::get_if<imap::Store>(&command.request)) check_set(store->messages);
    if (const auto* select = std::get_if<Select>(&command.request); select != nullptr && select->qresync) {
        check(select->qresync->uidvalidity != 0 && select->qresync->modseq != 0);
        if (select->qresync->known) check(!select->qresync->known->has_star());
    }
    if (const auto* select = std::get_if<Select>(&command.request)) check_name(select->mailbox, utf8);
    if (const auto* create = std::get_if<Create>(&command.request)) check_name(create->mailbox, utf8);
    if (const auto* list = std::get_if<List>(&command.request)) {
        check(!list->patterns.empty() && list->patterns.size() <= kMaxListPatterns);
    }
    if (const auto* id = std::get_if<Id>(&command.request)) check(id->fields.size() <= kMaxIdFields);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const bool utf8 : {false, true}) {
        const auto next = parse_next_message(text, utf8);
        check(next ? !next->utf8 || next->literal8 : !next.error().empty());
        const auto command = parse_command(text, utf8);
        if (command) {
            check_command(*command, utf8);
        } else {
            check(!command.error().tag.empty() && !command.error().reason.empty());
        }
    }
    return 0;
}
