// SEARCH and what other commands share with it: going through the mailbox, telling what was found, and the contexts whose
// changes the client asked for (RFC 5267).
#include <algorithm>

#include "base/ascii.hpp"
#include "imap/response.hpp"
#include "imap/search_results.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kMaxContexts = 10;
constexpr std::size_t kMaxContextKeys = 50'000;  // of all sorted contexts of a session
constexpr std::size_t kMaxSettled = 16;          // header keys of a search that are looked up in kept texts
constexpr std::uint32_t kLeastOfMailbox = 4;     // texts are gathered when a quarter of the mailbox is asked about,
constexpr std::uint32_t kMaxGathered = 20'000;   // of mailboxes up to here: of larger ones the index of texts finds a word sooner
constexpr std::uint32_t kMaxUnnarrowed = 100'000;  // and up to here where that index cannot help

// RFC 4731 section 3.2: MIN and MAX alone have the mod-sequences of what they name.
store::ModSeq modseq_of(const SearchReturn& wanted, const FoundModSeqs& modseqs)
{
    if (wanted.all || wanted.count || wanted.partial) return modseqs.highest;
    return std::max(wanted.min ? modseqs.of_first : 0, wanted.max ? modseqs.of_last : 0);
}

}  // namespace

// Goes through the mailbox slice by slice; none: the answer is given already.
co::Task<std::optional<Session::Found>> Session::find(const Search& command, Harvest* harvest)
{
    const bool saves = command.returns && command.returns->save;
    if (utf8_accept_ && !command.charset.empty()) {
        bad("no CHARSET with UTF8=ACCEPT");  // RFC 6855 section 3
        co_return std::nullopt;
    }
    auto program = SearchProgram::compile(command, *selected_, services_.clock.wall());
    if (!program) {
        refuse_search(program.error(), saves);
        co_return std::nullopt;
    }
    const bool is_settled = co_await settle_fields(*program);
    if (!is_settled) {
        if (saves) selected_->save({});
        co_return std::nullopt;
    }
    const auto id = selected_->id();
    const auto& candidates = program->candidates();
    auto found = co_await find_among(owner_, id, *program, candidates, harvest);
    if (!found) {
        if (saves) selected_->save({});
        no(refusal_text(found.error()));
        co_return std::nullopt;
    }
    if (program->asks_modseq()) enable_condstore();
    co_return std::move(*found);
}

bool Session::is_worth_keeping(const KeptKeys::Of& of, const SearchProgram& program) const
{
    if (kept_keys_.has(of)) return true;
    const auto messages = selected_->view().size();
    // Few messages are looked at in any case.
    if (program.flag_query() || count(program.candidates()) < messages / kLeastOfMailbox) return false;
    return messages <= (program.needs().empty() ? kMaxUnnarrowed : kMaxGathered);
}

// Answers header keys from texts that are kept of the whole mailbox, or are worth gathering for the next search. False: the
// answer is given already.
co::Task<bool> Session::settle_fields(SearchProgram& program)
{
    for (const auto node : program.field_nodes(kMaxSettled)) {
        const std::string field = ascii::to_lower(program.nodes()[node].field);
        KeptKeys::Of of = keys_of(texts_name(field));
        if (!is_worth_keeping(of, program)) continue;
        auto fresh = std::make_unique<KeptHarvest>();
        fresh->texts = std::make_unique<FieldHarvest>(field);
        const auto& candidates = program.candidates();
        auto gathered = co_await gather_keys(of, candidates, std::move(fresh));
        if (!gathered) co_return false;
        const std::string& needle = program.nodes()[node].text;
        auto job = [&gathered, &needle] { return gathered->texts->holding(needle); };
        auto held = co_await owner_->compute(net::WorkClass::interactive, std::move(job));
        program.settle(node, {std::move(held), without(candidates, gathered->texts->known())});
        keep_keys(std::move(of), std::move(gathered));
    }
    co_return true;
}

co::Task<Result<Session::Found, store::StoreError>> Session::find_among(std::shared_ptr<store::Account> account, store::MailboxId id,
                                                                        const SearchProgram& program, const NumberSet& uids, Harvest* harvest)
{
    SearchCursor cursor(uids);
    Found found;
    while (!cursor.is_done() && !out_.is_broken()) {
        auto job = [id, &program, &cursor, harvest](store::AccountStore& store) {
            return search_slice(store, id, program, cursor, harvest);
        };
        const auto slice = co_await account->run(net::WorkClass::interactive, std::move(job));
        if (slice.failure) co_return *slice.failure;
        found.uids.insert(found.uids.end(), slice.hits.begin(), slice.hits.end());
        if (program.asks_modseq()) found.modseqs.add(slice.modseqs);
        found.scores.insert(found.scores.end(), slice.scores.begin(), slice.scores.end());
    }
    found.uids = normalised(std::move(found.uids));
    co_return found;
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

co::Task<void> Session::handle(const Search& command)
{
    if (command.by_uid) co_await announce(false, false);
    if (!open_ || !may_update(command)) co_return;
    const auto since = mailbox_->feed().status().highest_modseq;
    auto found = co_await find(command, nullptr);
    if (!found) co_return;
    co_await tell_found(command, *found);
    if (command.returns && command.returns->update) {
        if (auto context = make_context(command)) {
            context->begin(std::move(found->uids));
            keep_context(std::move(context), since);
        }
    }
    ok(command.by_uid ? "UID SEARCH completed" : "SEARCH completed");
}

// SEARCH, or ESEARCH where RETURN asked for it or IMAP4rev2 is enabled (RFC 9051 section 6.4.4).
co::Task<void> Session::tell_found(const Search& command, const Found& found)
{
    const auto& uids = found.uids;
    const NumberSet numbers = command.by_uid ? uids : selected_->view().sequences_of(uids);
    if (!command.returns && !rev2_) {
        out_.add("* SEARCH");
        co_await tell_numbers(numbers);
        tell_modseq(found.modseqs);
        out_.add("\r\n");
        co_return;
    }
    const ResultList kept(uids);
    const ResultList told(numbers);
    tell_results(command, kept, told, found);
}

void Session::tell_results(const Search& command, const ResultList& uids, const ResultList& numbers,
                           const Found& found, std::string_view correlators)
{
    SearchReturn wanted;
    wanted.all = true;
    if (command.returns) wanted = *command.returns;
    if (wanted.save) selected_->save(saved_by(wanted, uids));
    if (wanted.is_silent()) return;
    std::string& out = out_.text();
    out += "* ESEARCH (TAG \"" + tag_ + "\"" + std::string(correlators) + ")";
    if (command.by_uid) out += " UID";
    out += esearch_data(wanted, numbers) + relevancy_data(wanted, uids, found.scores);
    if (const auto modseq = modseq_of(wanted, found.modseqs); modseq != 0) out += " MODSEQ " + std::to_string(modseq);
    out += "\r\n";
}

// RFC 7162 section 3.1.6
void Session::tell_modseq(const FoundModSeqs& modseqs)
{
    if (modseqs.highest != 0) out_.add(" (MODSEQ " + std::to_string(modseqs.highest) + ")");
}

co::Task<void> Session::tell_numbers(const NumberSet& numbers)
{
    for (const auto& range : numbers) {
        for (std::uint64_t number = range.first; number <= range.last; ++number) {
            out_.text() += ' ' + std::to_string(number);
            if (out_.is_full()) (void)co_await out_.flush();
        }
    }
}

// RFC 5267 section 4.3: a tag names one search with UPDATE.
bool Session::may_update(const Search& command)
{
    if (!command.returns || !command.returns->update) return true;
    const bool is_used = std::ranges::any_of(contexts_, [this](const auto& one) { return one->tag() == tag_; });
    if (is_used) bad("the tag is in use by a search with UPDATE");
    return !is_used;
}

std::unique_ptr<SearchContext> Session::make_context(const Search& command)
{
    // What was compiled once compiles again.
    auto program = SearchProgram::compile(command, *selected_, services_.clock.wall(), true);
    if (!program) return nullptr;
    return std::make_unique<SearchContext>(tag_, command.by_uid, std::move(*program), command.returns->update_items);
}

// RFC 5267 section 4.3.1
void Session::keep_context(std::unique_ptr<SearchContext> context, store::ModSeq since)
{
    std::size_t keys = context->kept();
    for (const auto& one : contexts_) keys += one->kept();
    if (contexts_.size() >= kMaxContexts || keys > kMaxContextKeys) {
        out_.add("* NO [NOUPDATE \"" + tag_ + "\"] too many contexts, or too many results to keep in order\r\n");
        return;
    }
    if (contexts_.empty()) contexts_since_ = since;
    contexts_.push_back(std::move(context));
}

co::Task<void> Session::handle(const CancelUpdate& command)
{
    for (const auto& tag : command.tags) {
        std::erase_if(contexts_, [&tag](const auto& one) { return one->tag() == tag; });
    }
    ok("CANCELUPDATE completed");
    co_return;
}

// Tells what expunges take from the contexts, which must come before an EXPUNGE, and gives the rest, which must come behind
// EXISTS and FETCH (RFC 5267 sections 4.3.3 and 4.3.4, RFC 5465 section 5.1).
co::Task<std::vector<Session::ContextNews>> Session::update_contexts()
{
    std::vector<ContextNews> all;
    const auto now = mailbox_->feed().status().highest_modseq;
    if (contexts_.empty() || now == contexts_since_) co_return all;
    const auto id = selected_->id();
    const auto since = contexts_since_;
    auto job = [id, since](store::AccountStore& store) { return store.changes(id, since); };
    const auto changes = co_await owner_->run(net::WorkClass::interactive, std::move(job));
    if (!changes) co_return all;  // another time
    NumberSet changed;
    for (const auto& row : changes->changed) add_above(changed, row.uid);
    NumberSet expunged;
    for (const auto uid : changes->expunged) add_above(expunged, uid);
    const NumberSet there = selected_->view().among(changed);
    for (const auto& context : contexts_) {
        ContextHarvest harvest(context->criteria());
        Harvest* const keys = context->is_sorted() ? &harvest : nullptr;
        const auto& program = context->program();
        const auto found = co_await find_among(owner_, id, program, there, keys);
        if (!found) co_return all;
        const NumberSet hits = without(found->uids, expunged);
        tell_context(*context, "REMOVEFROM", context->remove(expunged));
        ContextNews news;
        news.context = context.get();
        news.removed = context->remove(without(there, hits));
        if (!context->is_sorted()) news.added = context->add(hits);
        else news.added = context->add(harvest.take_found(hits));
        if (!news.removed.empty() || !news.added.empty()) all.push_back(std::move(news));
        if (out_.is_full()) (void)co_await out_.flush();
    }
    contexts_since_ = now;
    co_return all;
}

void Session::tell_context(const SearchContext& context, std::string_view what, const std::vector<PlacedResults>& results)
{
    if (results.empty()) return;
    std::string& out = out_.text();
    out += "* ESEARCH (TAG \"" + context.tag() + "\")" + (context.by_uid() ? " UID " : " ") + std::string(what) + " (";
    bool first = true;
    for (const auto& one : results) {
        if (!std::exchange(first, false)) out += ' ';
        out += std::to_string(one.position) + ' ';
        if (context.is_sorted()) out += in_order_text(numbers_of(one.order, context.by_uid()));
        else out += to_text(context.by_uid() ? one.set : selected_->view().sequences_of(one.set));
    }
    out += ")\r\n";
}

}  // namespace mbx::imap
