// SORT and THREAD (RFC 5256): a search that keeps what is sorted or threaded by, then the work on a worker of its own.
#include "imap/search_results.hpp"
#include "imap/session.hpp"
#include "imap/sort.hpp"

namespace mbx::imap {

// What the client calls these messages, in their order.
std::vector<std::uint32_t> Session::numbers_of(const std::vector<store::Uid>& uids, bool by_uid) const
{
    if (by_uid) return uids;
    std::vector<std::uint32_t> numbers;
    numbers.reserve(uids.size());
    // Found in this view, which nobody changes while the command runs.
    for (const auto uid : uids) numbers.push_back(selected_->view().sequence(uid).value_or(0));
    return numbers;
}

co::Task<void> Session::handle(const Sort& command)
{
    const auto& search = command.search;
    if (search.by_uid) co_await announce(false, false);
    if (!open_ || !may_update(search)) co_return;
    const auto since = mailbox_->feed().status().highest_modseq;
    const bool updates = search.returns && search.returns->update;
    SortHarvest harvest(command.criteria);
    auto found = co_await find(search, &harvest);
    if (!found) co_return;
    auto job = [&harvest] { return harvest.finish(); };
    const auto uids = co_await owner_->compute(net::WorkClass::interactive, std::move(job));
    if (search.returns && found->modseqs.highest != 0) co_await find_end_modseqs(search, uids, found->modseqs);
    co_await tell_sorted(search, uids, *found);
    if (updates) co_await begin_sorted_context(command, found->uids, since);
    ok(search.by_uid ? "UID SORT completed" : "SORT completed");
}

co::Task<void> Session::tell_sorted(const Search& search, const std::vector<store::Uid>& uids,
                                    const Found& found)
{
    const auto numbers = numbers_of(uids, search.by_uid);
    if (search.returns) {
        // RFC 5267 section 3.1
        const ResultList kept(uids);
        const ResultList told(numbers);
        tell_results(search, kept, told, found);
        co_return;
    }
    out_.add("* SORT");
    for (const auto number : numbers) {
        out_.text() += ' ' + std::to_string(number);
        if (out_.is_full()) (void)co_await out_.flush();
    }
    tell_modseq(found.modseqs);
    out_.add("\r\n");
}

// The first and the last of an order need not be the lowest and the highest UID.
co::Task<void> Session::find_end_modseqs(const Search& search, const std::vector<store::Uid>& uids, FoundModSeqs& modseqs)
{
    const auto program = SearchProgram::compile(search, *selected_, services_.clock.wall());
    if (!program || uids.empty()) co_return;
    const auto id = selected_->id();
    const NumberSet first = {{uids.front(), uids.front()}};
    const NumberSet last = {{uids.back(), uids.back()}};
    const auto of_first = co_await find_among(owner_, id, *program, first, nullptr);
    const auto of_last = co_await find_among(owner_, id, *program, last, nullptr);
    if (of_first) modseqs.of_first = of_first->modseqs.highest;
    if (of_last) modseqs.of_last = of_last->modseqs.highest;
}

// A second walk over what was found: few who sort ask for updates, and only those keep keys.
co::Task<void> Session::begin_sorted_context(const Sort& command, const NumberSet& found, store::ModSeq since)
{
    auto context = make_context(command.search);
    if (!context) co_return;
    ContextHarvest harvest(command.criteria);
    const auto id = selected_->id();
    const auto& program = context->program();
    const auto again = co_await find_among(owner_, id, program, found, &harvest);
    if (!again) co_return;
    context->begin(command.criteria, harvest.take_found(found));
    keep_context(std::move(context), since);
}

co::Task<void> Session::handle(const Thread& command)
{
    if (command.search.by_uid) co_await announce(false, false);
    if (!open_) co_return;
    ThreadHarvest harvest(command.algorithm);
    const auto found = co_await find(command.search, &harvest);
    if (!found) co_return;
    const auto numbers = numbers_of(harvest.uids(), command.search.by_uid);
    auto job = [&harvest, &numbers] { return harvest.finish(numbers); };
    const auto threads = co_await owner_->compute(net::WorkClass::interactive, std::move(job));
    out_.add("* THREAD");
    if (!threads.empty()) out_.add(" ");
    for (std::size_t at = 0; at < threads.size(); at += Output::kBatch) {
        out_.add(std::string_view(threads).substr(at, Output::kBatch));
        (void)co_await out_.flush();
    }
    out_.add("\r\n");
    ok(command.search.by_uid ? "UID THREAD completed" : "THREAD completed");
}

}  // namespace mbx::imap
