// SORT and THREAD (RFC 5256): a search that keeps what is sorted or threaded by, then the work on a worker of its own.
#include "imap/search_results.hpp"
#include "imap/session.hpp"
#include "imap/sort.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kWorthKeeping = 4;  // a quarter of the mailbox
constexpr std::size_t kSpareKeys = 1000;

}  // namespace

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

KeptKeys::Of Session::keys_of(std::string order) const
{
    return {owner_->key().id, selected_->id().value, mailbox_->feed().status().uidvalidity, std::move(order)};
}

// The keys of what was found. Where that is a good part of the mailbox, or keys of it are kept already, those of the whole
// mailbox: what an earlier command kept, and the messages that came since. None: the answer is NO.
co::Task<std::unique_ptr<KeptHarvest>> Session::gather_keys(KeptKeys::Of of, const NumberSet& found,
                                                            std::unique_ptr<KeptHarvest> fresh)
{
    const auto& view = selected_->view();
    const bool is_kept = !of.order.empty() && (kept_keys_.has(of) || count(found) >= view.size() / kWorthKeeping);
    std::unique_ptr<KeptHarvest> gathered;
    if (is_kept) gathered = kept_keys_.take(of);
    // Mostly of messages that are gone.
    if (gathered && gathered->size() > 2 * view.size() + kSpareKeys) gathered = nullptr;
    if (!gathered) gathered = std::move(fresh);
    const NumberSet missing = is_kept ? behind(view.uids(), gathered->highest) : found;
    Search all;
    all.program.emplace_back();
    all.program.front().end = 1;
    const auto everything = SearchProgram::compile(all, *selected_, services_.clock.wall());
    if (!everything) co_return nullptr;
    if (!missing.empty()) {
        const auto id = selected_->id();
        const auto walked = co_await find_among(owner_, id, *everything, missing, &gathered->harvest());
        if (!walked || out_.is_broken()) {
            if (!walked) no(refusal_text(walked.error()));
            co_return nullptr;
        }
        if (is_kept) gathered->highest = missing.back().last;
    }
    co_return gathered;
}

void Session::keep_keys(KeptKeys::Of of, std::unique_ptr<KeptHarvest> gathered)
{
    if (gathered->highest != 0) kept_keys_.put(std::move(of), std::move(gathered));
}

co::Task<void> Session::handle(const Sort& command)
{
    const auto& search = command.search;
    if (search.by_uid) co_await announce(false, false);
    if (!open_ || !may_update(search)) co_return;
    const auto since = mailbox_->feed().status().highest_modseq;
    const bool updates = search.returns && search.returns->update;
    // By RELEVANCY: the search itself says what is compared.
    const std::string order = order_name(command.criteria);
    SortHarvest relevancies(command.criteria);
    Harvest* const scored = order.empty() ? &relevancies : nullptr;
    auto found = co_await find(search, scored);
    if (!found) co_return;
    std::vector<store::Uid> uids;
    if (scored != nullptr) {
        auto job = [&relevancies] { return relevancies.finish(); };
        uids = co_await owner_->compute(net::WorkClass::interactive, std::move(job));
    } else {
        auto fresh = std::make_unique<KeptHarvest>();
        fresh->sort = std::make_unique<SortHarvest>(command.criteria);
        KeptKeys::Of of = keys_of(order);
        auto gathered = co_await gather_keys(of, found->uids, std::move(fresh));
        if (!gathered) co_return;
        auto job = [&gathered, &found] { return gathered->sort->finish(found->uids); };
        uids = co_await owner_->compute(net::WorkClass::interactive, std::move(job));
        keep_keys(std::move(of), std::move(gathered));
    }
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
    const auto found = co_await find(command.search, nullptr);
    if (!found) co_return;
    auto fresh = std::make_unique<KeptHarvest>();
    fresh->thread = std::make_unique<ThreadHarvest>(command.algorithm);
    KeptKeys::Of of = keys_of(order_name(command.algorithm));
    auto gathered = co_await gather_keys(of, found->uids, std::move(fresh));
    if (!gathered) co_return;
    const auto numbers = numbers_of(gathered->thread->uids(), command.search.by_uid);
    auto job = [&gathered, &found, &numbers] { return gathered->thread->finish(found->uids, numbers); };
    const auto threads = co_await owner_->compute(net::WorkClass::interactive, std::move(job));
    keep_keys(std::move(of), std::move(gathered));
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
