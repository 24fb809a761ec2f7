// SORT and THREAD (RFC 5256): a search that keeps what is sorted or threaded by, then the work on a worker of its own.
#include "imap/response.hpp"
#include "imap/session.hpp"
#include "imap/sort.hpp"

namespace mbx::imap {

// Goes through the mailbox slice by slice; none: the answer is given already.
co::Task<std::optional<NumberSet>> Session::find(const Search& command, Harvest* harvest)
{
    const bool saves = command.returns && command.returns->save;
    const auto program = SearchProgram::compile(command, *selected_);
    if (!program) {
        refuse_search(program.error(), saves);
        co_return std::nullopt;
    }
    SearchCursor cursor(program->candidates());
    NumberSet found;
    while (!cursor.is_done() && !out_.is_broken()) {
        const auto id = selected_->id();
        auto job = [id, &program, &cursor, harvest](store::AccountStore& store) {
            return search_slice(store, id, *program, cursor, harvest);
        };
        const auto slice = co_await account_->run(net::WorkClass::interactive, std::move(job));
        if (slice.failure) {
            if (saves) selected_->save({});
            no(refusal_text(*slice.failure));
            co_return std::nullopt;
        }
        for (const auto& range : slice.hits) found.push_back(range);
    }
    co_return normalised(std::move(found));
}

void Session::refuse_search(SearchRefusal refusal, bool saves)
{
    if (saves) selected_->save({});  // RFC 5182 section 2.1
    if (refusal == SearchRefusal::bad_charset) {
        no("[BADCHARSET (UTF-8 US-ASCII)] unknown charset");
    } else {
        bad("no such sequence number");
    }
}

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
    if (command.search.by_uid) co_await announce(false, false);
    if (!open_) co_return;
    SortHarvest harvest(command.criteria);
    const auto found = co_await find(command.search, &harvest);
    if (!found) co_return;
    auto job = [&harvest] { return harvest.finish(); };
    const auto uids = co_await account_->compute(net::WorkClass::interactive, std::move(job));
    out_.add("* SORT");
    for (const auto number : numbers_of(uids, command.search.by_uid)) {
        out_.text() += ' ' + std::to_string(number);
        if (out_.is_full()) (void)co_await out_.flush();
    }
    out_.add("\r\n");
    ok(command.search.by_uid ? "UID SORT completed" : "SORT completed");
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
    const auto threads = co_await account_->compute(net::WorkClass::interactive, std::move(job));
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
