#include "net/unbound_resolver.hpp"

#include <unbound.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <coroutine>
#include <cstdio>
#include <list>
#include <utility>

#include "base/ascii.hpp"
#include "net/dns_message.hpp"

namespace mbx::net {
namespace {

// The keys of the root zone (IANA's root-anchors.xml): 2017 and 2024.
constexpr std::array kRootAnchors{
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};
constexpr std::array kDistributionAnchors{"/usr/share/dns/root.key", "/var/lib/unbound/root.key"};
constexpr std::chrono::minutes kLenientTime{10};
constexpr int kNxDomain = 3;

// libunbound's words would stand between the lines of our log.
std::FILE* silence()
{
    static std::FILE* const nowhere = std::fopen("/dev/null", "we");
    return nowhere;
}

std::string server_text(const Endpoint& server)
{
    return server.address.text() + "@" + std::to_string(server.port);
}

std::string rcode_text(int rcode)
{
    switch (rcode) {
    case 1: return "the name server did not understand the question (FORMERR)";
    case 2: return "no name server gave a usable answer (SERVFAIL)";
    case 4: return "the name server does not know this kind of question (NOTIMP)";
    case 5: return "the name server refuses to answer (REFUSED)";
    default: return "the name server answered with code " + std::to_string(rcode);
    }
}

DnsAnswer failed(std::string why)
{
    DnsAnswer answer;
    answer.why = std::move(why);
    return answer;
}

std::string without_dot(std::string_view name)
{
    if (name.ends_with('.')) name.remove_suffix(1);
    return ascii::to_lower(name);
}

std::string_view packet_of(const ub_result& result)
{
    if (result.answer_packet == nullptr || result.answer_len <= 0) return {};
    return {static_cast<const char*>(result.answer_packet), static_cast<std::size_t>(result.answer_len)};
}

DnsAnswer read_result(const ub_result& result, bool validates)
{
    DnsAnswer answer;
    answer.canonical_name = without_dot(result.canonname != nullptr ? result.canonname : result.qname);
    answer.ttl = std::chrono::seconds(std::max(result.ttl, 0));
    answer.is_secure = validates && result.secure != 0;
    if (validates && result.bogus != 0) {
        answer.outcome = DnsOutcome::bogus;
        answer.why = result.why_bogus != nullptr ? ascii::printable(result.why_bogus, 500) : "its signatures are wrong";
    } else if (result.havedata != 0) {
        answer.outcome = DnsOutcome::found;
        for (std::size_t i = 0; result.data[i] != nullptr; ++i) {
            answer.records.emplace_back(result.data[i], static_cast<std::size_t>(std::max(result.len[i], 0)));
        }
    } else if (result.rcode == kNxDomain) {
        answer.outcome = DnsOutcome::no_such_name;
    } else if (result.rcode == 0 && !answer.is_secure && is_referral(packet_of(result))) {
        answer.why = "the name server refers to others, which it does not ask itself";
    } else if (result.rcode == 0) {
        answer.outcome = DnsOutcome::no_data;
    } else {
        answer.why = rcode_text(result.rcode);
    }
    return answer;
}

}  // namespace

// One context of libunbound, its descriptor in the loop, and who waits for it. It holds itself while libuv has its handles.
class UnboundResolver::Context : public std::enable_shared_from_this<Context> {
public:
    static Result<std::shared_ptr<Context>, Error> make(Loop& loop, const ResolverOptions& options, bool validates)
    {
        std::shared_ptr<Context> context(new Context(loop, options, validates));
        if (auto set = context->configure(options); !set) return set.error();
        context->watch();
        return context;
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { assert(context_ == nullptr); }

    // Of a name that was judged before.
    co::Task<DnsAnswer> ask(std::string name, DnsType type)
    {
        const auto self = shared_from_this();
        if (context_ == nullptr) co_return failed("the server is stopping");
        if (queries_.size() >= most_under_way_) co_return failed("too many look-ups are under way");
        const auto query = queries_.emplace(queries_.end());
        query->owner = this;
        query->until = std::chrono::steady_clock::now() + time_;
        const int code = ub_resolve_async(context_, name.c_str(), static_cast<int>(type), 1, &*query, answered, &query->id);
        if (code != 0) {
            queries_.erase(query);
            co_return failed(std::string("the resolver library failed: ") + ub_strerror(code));
        }
        if (queries_.size() == 1) uv_ref(handle(poll_));
        arm();
        Awaiter awaiter(*query);
        co_await awaiter;
        DnsAnswer answer = std::move(query->answer);
        std::erase(settled_, &*query);  // where it was answered before anybody waited
        queries_.erase(query);
        co_return answer;
    }

    void close()
    {
        if (context_ == nullptr) return;
        const auto self = shared_from_this();
        for (Query& query : queries_) settle(query, failed("the server is stopping"));
        uv_close(handle(poll_), handle_closed);
        uv_close(handle(timer_), handle_closed);
        ub_ctx_delete(std::exchange(context_, nullptr));
        loop_.post([self] { self->resume_settled(); });
    }

    std::size_t under_way() const { return queries_.size(); }

private:
    struct Query {
        Context* owner = nullptr;
        int id = 0;
        SteadyTime until;
        std::coroutine_handle<> waiter;
        DnsAnswer answer;
        bool is_settled = false;
    };
    class Awaiter {
    public:
        explicit Awaiter(Query& query) noexcept : query_(query) {}
        Awaiter(const Awaiter&) = delete;
        Awaiter& operator=(const Awaiter&) = delete;
        bool await_ready() const noexcept { return query_.is_settled; }
        void await_suspend(std::coroutine_handle<> caller) const { query_.waiter = caller; }
        void await_resume() const noexcept {}

    private:
        Query& query_;
    };

    Context(Loop& loop, const ResolverOptions& options, bool validates)
        : loop_(loop), validates_(validates), time_(options.time), most_under_way_(options.most_under_way),
          context_(ub_ctx_create())
    {
    }

    template <typename Handle>
    static uv_handle_t* handle(Handle& of)
    {
        return reinterpret_cast<uv_handle_t*>(&of);
    }

    void set(const char* option, const char* value) { note(ub_ctx_set_option(context_, option, value), option); }
    void note(int code, const std::string& what)
    {
        if (code == 0 || failure_) return;
        failure_ = Error{"setting up the resolver", what + ": " + ub_strerror(code), "see the settings under [dns]"};
    }

    Result<void, Error> configure(const ResolverOptions& options)
    {
        if (context_ == nullptr) return Error{"setting up the resolver", "out of memory or randomness", ""};
        note(ub_ctx_debugout(context_, silence()), "log");
        note(ub_ctx_async(context_, 1), "thread");
        set("verbosity:", "0");
        set("use-syslog:", "no");
        set("msg-cache-size:", "4m");
        set("rrset-cache-size:", "8m");
        set("key-cache-size:", "1m");
        set("infra-cache-numhosts:", "2000");
        set("cache-max-ttl:", "86400");
        set("cache-max-negative-ttl:", "3600");
        set("edns-buffer-size:", "1232");
        // Names of private networks belong to whoever runs the name server that is asked.
        set("unblock-lan-zones:", "yes");
        set("insecure-lan-zones:", "yes");
        set("do-not-query-localhost:", "no");
        choose_servers(options);
        if (validates_) anchor(options);
        else set("module-config:", "iterator");
        // The library reads all of it at the first call that needs it: now, so that a mistake is told at the start.
        // And of what it answers by itself, these two are in use on private networks.
        note(ub_ctx_zone_remove(context_, "test."), "trust anchors");
        note(ub_ctx_zone_remove(context_, "home.arpa."), "home.arpa");
        if (!failure_) return {};
        ub_ctx_delete(std::exchange(context_, nullptr));
        return *failure_;
    }

    void choose_servers(const ResolverOptions& options)
    {
        for (const auto& zone : options.zones) {
            const std::string name = zone.name.ends_with('.') ? zone.name : zone.name + ".";
            note(ub_ctx_set_stub(context_, name.c_str(), server_text(zone.server).c_str(), 0), "zone " + name);
        }
        for (const Endpoint& server : options.servers) {
            note(ub_ctx_set_fwd(context_, server_text(server).c_str()), "server " + server.text());
        }
        if (!options.servers.empty() || options.source == DnsSource::recursive) return;
        // Without the file, or without a server in it, the root servers are asked.
        (void)ub_ctx_resolvconf(context_, options.resolv_conf.c_str());
    }

    void anchor(const ResolverOptions& options)
    {
        if (!options.trust_anchor_file.empty()) {
            const bool is_there = ::access(options.trust_anchor_file.c_str(), R_OK) == 0;
            note(is_there ? 0 : UB_READFILE, "trust anchor file " + options.trust_anchor_file);
            note(ub_ctx_add_ta_file(context_, options.trust_anchor_file.c_str()), options.trust_anchor_file);
            return;
        }
        for (const char* path : kDistributionAnchors) {
            if (::access(path, R_OK) != 0) continue;
            note(ub_ctx_add_ta_file(context_, path), path);
            return;
        }
        for (const char* anchor : kRootAnchors) note(ub_ctx_add_ta(context_, anchor), "the root's key");
    }

    void watch()
    {
        uv_poll_init(loop_.raw(), &poll_, ub_fd(context_));
        uv_timer_init(loop_.raw(), &timer_);
        poll_.data = timer_.data = this;
        uv_unref(handle(poll_));
        uv_unref(handle(timer_));
        self_ = shared_from_this();
        open_handles_ = 2;
        uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) {
            auto* context = static_cast<Context*>(poll->data);
            const auto held = context->shared_from_this();
            (void)ub_process(context->context_);
            context->resume_settled();
        });
    }

    static void handle_closed(uv_handle_t* closed)
    {
        auto* context = static_cast<Context*>(closed->data);
        if (--context->open_handles_ == 0) context->self_.reset();
    }

    static void answered(void* data, int error, ub_result* result)
    {
        auto& query = *static_cast<Query*>(data);
        DnsAnswer answer;
        if (error == 0 && result != nullptr) answer = read_result(*result, query.owner->validates_);
        else answer.why = std::string("the resolver library failed: ") + ub_strerror(error);
        ub_resolve_free(result);
        query.owner->settle(query, std::move(answer));
    }

    // Who waits goes on later: never within libunbound.
    void settle(Query& query, DnsAnswer answer)
    {
        if (query.is_settled) return;
        query.is_settled = true;
        query.answer = std::move(answer);
        settled_.push_back(&query);
    }

    void resume_settled()
    {
        for (Query* query : std::exchange(settled_, {})) {
            if (query->waiter) std::exchange(query->waiter, nullptr).resume();
        }
        if (context_ != nullptr && queries_.empty()) uv_unref(handle(poll_));
    }

    // All wait equally long, so the first that was asked is the first that is over.
    void arm()
    {
        if (uv_is_active(handle(timer_)) != 0 || queries_.empty()) return;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(queries_.front().until - std::chrono::steady_clock::now());
        uv_update_time(loop_.raw());
        uv_timer_start(&timer_, [](uv_timer_t* timer) { static_cast<Context*>(timer->data)->expire(); },
                       static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 1)), 0);
    }

    void expire()
    {
        const auto held = shared_from_this();
        const SteadyTime now = std::chrono::steady_clock::now();
        for (Query& query : queries_) {
            if (query.until > now) break;
            if (query.is_settled) continue;
            (void)ub_cancel(context_, query.id);
            settle(query, failed("no answer within " + std::to_string(time_.count()) + " ms"));
        }
        resume_settled();
        if (context_ != nullptr) arm();
    }

    Loop& loop_;
    bool validates_;
    std::chrono::milliseconds time_;
    std::size_t most_under_way_;
    ub_ctx* context_;  // null: closed
    std::optional<Error> failure_;
    uv_poll_t poll_{};
    uv_timer_t timer_{};
    int open_handles_ = 0;
    std::shared_ptr<Context> self_;
    std::list<Query> queries_;  // in the order of asking
    std::vector<Query*> settled_;
};

UnboundResolver::UnboundResolver(Ground ground, ResolverOptions options)
    : ground_(std::move(ground)), options_(std::move(options)), cache_(options_.cache_bytes)
{
}

Result<std::unique_ptr<UnboundResolver>, Error> UnboundResolver::open(Ground ground, ResolverOptions options)
{
    std::unique_ptr<UnboundResolver> resolver(new UnboundResolver(std::move(ground), std::move(options)));
    ResolverOptions& wanted = resolver->options_;
    // Who names anchors means them; and the root, by which it is judged whether signatures come through, may not be one.
    const bool is_anchored = !wanted.trust_anchor_file.empty();
    if (wanted.validation == DnsValidation::automatic && is_anchored) wanted.validation = DnsValidation::strict;
    for (const bool validates : {true, false}) {
        if (wanted.validation == (validates ? DnsValidation::off : DnsValidation::strict)) continue;
        auto context = Context::make(resolver->ground_.loop, wanted, validates);
        if (!context) return context.error();
        (validates ? resolver->validating_ : resolver->trusting_) = std::move(*context);
    }
    return resolver;
}

UnboundResolver::~UnboundResolver()
{
    assert(under_way() == 0 && "a resolver was destroyed under a look-up");
    stop();
}

void UnboundResolver::stop()
{
    is_stopping_ = true;
    if (validating_) validating_->close();
    if (trusting_) trusting_->close();
}

std::size_t UnboundResolver::under_way() const
{
    return (validating_ ? validating_->under_way() : 0) + (trusting_ ? trusting_->under_way() : 0);
}

co::Task<DnsAnswer> UnboundResolver::look_up(std::string name, DnsType type)
{
    if (is_stopping_) co_return failed("the server is stopping");
    if (!is_dns_name(name)) {
        DnsAnswer none;
        none.outcome = DnsOutcome::no_such_name;
        none.canonical_name = name;
        co_return none;
    }
    const std::string asked = without_dot(name);
    if (auto known = cache_.find(asked, type, ground_.clock.steady())) co_return std::move(*known);
    Context& first = validating_ ? *validating_ : *trusting_;
    // With the final dot: nothing is to be appended to it.
    DnsAnswer answer = co_await first.ask(asked + ".", type);
    has_validated_ = has_validated_ || answer.is_secure;
    const bool is_usable = answer.outcome != DnsOutcome::failure && answer.outcome != DnsOutcome::bogus;
    if (!is_usable && validating_ && trusting_ && !has_validated_ && !is_stopping_) {
        answer = co_await ask_leniently(asked, type, std::move(answer));
    }
    cache_.put(asked, type, answer, ground_.clock.steady());
    co_return answer;
}

// What could not be validated where nothing ever was: is it the name's fault, or do the name servers withhold signatures?
co::Task<DnsAnswer> UnboundResolver::ask_leniently(std::string name, DnsType type, DnsAnswer strict_answer)
{
    if (ground_.clock.steady() >= lenient_until_) {
        const DnsAnswer root = co_await validating_->ask(".", DnsType::ns);
        has_validated_ = has_validated_ || root.is_secure;
        if (has_validated_) co_return strict_answer;
    }
    DnsAnswer lenient = co_await trusting_->ask(name + ".", type);
    if (lenient.outcome == DnsOutcome::failure) co_return strict_answer;
    if (ground_.clock.steady() >= lenient_until_) {
        lenient_until_ = ground_.clock.steady() + kLenientTime;
        ground_.log.warning("the name servers give no DNSSEC signatures, so nothing can be validated and DANE is not used",
                            {{"advice", "name servers that validate (dns.servers), or dns.source = \"recursive\""}});
    }
    co_return lenient;
}

}  // namespace mbx::net
