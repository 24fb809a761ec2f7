// RFC 5256: base subjects, message ids, both threading algorithms; RFC 5051: the collation.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "mail/base_subject.hpp"
#include "mail/collation.hpp"
#include "mail/message_id.hpp"
#include "mail/thread.hpp"

using namespace mbx::mail;

namespace {

struct Mail {
    std::uint64_t id = 0;
    std::vector<std::uint64_t> references;
    std::string subject;
    std::int64_t sent = 0;
};

struct Mailbox {
    std::vector<Mail> mails;
    std::vector<BaseSubject> subjects;
    std::vector<std::string> keys;
    std::vector<ThreadMessage> messages;
    std::vector<std::uint32_t> numbers;

    explicit Mailbox(std::vector<Mail> all) : mails(std::move(all))
    {
        for (const auto& mail : mails) {
            subjects.push_back(split_subject(mail.subject));
            keys.push_back(collation_key(subjects.back().text));
        }
        for (std::size_t i = 0; i < mails.size(); ++i) {
            messages.push_back({mails[i].id, mails[i].references, keys[i], subjects[i].is_reply, mails[i].sent});
            numbers.push_back(static_cast<std::uint32_t>(i + 1));
        }
    }
    std::string by_references() const { return thread_text(thread_by_references(messages), numbers); }
    std::string by_subject() const { return thread_text(thread_by_subject(messages), numbers); }
};

// The six steps word by word, with no thought of speed.
class WordByWord {
public:
    explicit WordByWord(const Mailbox& box) : box_(box)
    {
        std::uint64_t unique = std::uint64_t{1} << 60U;
        std::vector<int> of_message;
        std::map<std::uint64_t, int> table;
        for (std::size_t i = 0; i < box.mails.size(); ++i) {
            auto id = box.mails[i].id;
            if (id == 0 || table.contains(id)) id = unique++;
            table[id] = static_cast<int>(i);
            parent_.push_back(-1);
        }
        const auto node = [&](std::uint64_t id) {
            if (!table.contains(id)) {
                table[id] = static_cast<int>(parent_.size());
                parent_.push_back(-1);
            }
            return table[id];
        };
        const auto makes_loop = [&](int child, int parent) {
            for (int at = parent; at != -1; at = parent_[static_cast<std::size_t>(at)]) {
                if (at == child) return true;
            }
            return false;
        };
        for (std::size_t i = 0; i < box.mails.size(); ++i) {
            int last = -1;
            for (const auto reference : box.mails[i].references) {
                const int now = node(reference);
                if (last != -1 && up(now) == -1 && !makes_loop(now, last)) up(now) = last;
                last = now;
            }
            up(static_cast<int>(i)) = -1;
            if (last != -1 && !makes_loop(static_cast<int>(i), last)) up(static_cast<int>(i)) = last;
        }
        for (std::size_t i = 0; i < parent_.size(); ++i) children_[parent_[i]].push_back(static_cast<int>(i));
        prune(-1);
        sort_all();
        merge_subjects();
        sort_all();
    }
    std::string text()
    {
        std::string out;
        for (const int root : children_[-1]) out += "(" + list(root) + ")";
        return out;
    }

private:
    int& up(int node) { return parent_[static_cast<std::size_t>(node)]; }
    bool dummy(int node) const { return node >= static_cast<int>(box_.mails.size()); }
    void prune(int node)
    {
        std::vector<int> kept;
        for (const int child : std::vector<int>(children_[node])) {
            prune(child);
            auto& below = children_[child];
            if (!dummy(child)) kept.push_back(child);
            else if (below.empty()) continue;
            else if (node != -1 || below.size() == 1) kept.insert(kept.end(), below.begin(), below.end());
            else kept.push_back(child);
        }
        children_[node] = kept;
    }
    std::pair<std::int64_t, int> key(int node)
    {
        if (dummy(node)) return key(children_[node].front());
        return {box_.mails[static_cast<std::size_t>(node)].sent, node};
    }
    void sort_under(int node)
    {
        auto& all = children_[node];
        for (const int child : all) sort_under(child);
        std::ranges::sort(all, {}, [this](int child) { return key(child); });
    }
    void sort_all() { sort_under(-1); }
    std::string subject(int node) { return box_.keys[static_cast<std::size_t>(dummy(node) ? children_[node].front() : node)]; }
    bool reply(int node) { return !dummy(node) && box_.subjects[static_cast<std::size_t>(node)].is_reply; }
    void merge_subjects()
    {
        std::map<std::string, int> table;
        for (const int node : children_[-1]) {
            const auto text = subject(node);
            if (text.empty()) continue;
            if (!table.contains(text)) table[text] = node;
            else if (!dummy(table[text]) && (dummy(node) || (reply(table[text]) && !reply(node)))) table[text] = node;
        }
        for (const int node : std::vector<int>(children_[-1])) {
            if (std::ranges::find(children_[-1], node) == children_[-1].end()) continue;
            const auto text = subject(node);
            if (text.empty() || table[text] == node) continue;
            const int known = table[text];
            std::erase(children_[-1], node);
            if (dummy(known) && dummy(node)) {
                for (const int child : children_[node]) children_[known].push_back(child);
            } else if (dummy(known) || (reply(node) && !reply(known))) {
                children_[known].push_back(node);
            } else {
                const int made = static_cast<int>(parent_.size());
                parent_.push_back(-1);
                std::ranges::replace(children_[-1], known, made);
                children_[made] = {node, known};
                sort_under(made);
                table[text] = made;
            }
        }
    }
    std::string list(int node)
    {
        std::string out = dummy(node) ? "" : std::to_string(node + 1);
        const auto& below = children_[node];
        if (below.empty()) return out;
        if (!dummy(node)) out += " ";
        if (below.size() == 1) return out + list(below.front());
        for (const int child : below) out += "(" + list(child) + ")";
        return out;
    }
    const Mailbox& box_;
    std::vector<int> parent_;
    std::map<int, std::vector<int>> children_;
};

std::vector<std::string> ids_of(std::string_view value)
{
    std::vector<std::string> all;
    visit_message_ids(value, [&all](std::string&& id) {
        all.push_back(std::move(id));
        return true;
    });
    return all;
}

}  // namespace

TEST_CASE("base subjects tell replies and forwards (RFC 5256 section 2.1)", "[mail][sort]")
{
    const auto check = [](std::string_view subject, std::string_view text, bool is_reply) {
        CAPTURE(subject);
        const auto base = split_subject(subject);
        CHECK(base.text == text);
        CHECK(base.is_reply == is_reply);
    };
    check("lunch", "lunch", false);
    check("Re: lunch", "lunch", true);
    check("[list] lunch", "lunch", false);
    check("[list] Re: [list] lunch", "lunch", true);
    check("Re [x]: lunch", "lunch", true);
    check("fw: lunch", "lunch", true);
    check("Fwd : lunch", "lunch", true);
    check("lunch (fwd)", "lunch", true);
    check("lunch (fwd) (FWD) ", "lunch", true);
    check("[fwd: lunch]", "lunch", true);
    check("[Fwd: Re: [fwd: lunch (fwd)]]", "lunch", true);
    check("[list]", "[list]", false);
    check("Re: [list]", "[list]", true);
    check("[a][b]", "[b]", false);
    check("[a] [b] re: x", "x", true);
    check("Regards: you", "Regards: you", false);
    check("  many\t spaces\r\n here ", "many spaces here", false);
    check("Re:", "", true);
    check("", "", false);
    check("[open lunch", "[open lunch", false);
    check("[fwd: lunch", "[fwd: lunch", false);
}

TEST_CASE("message ids lose quotes, comments and white space (RFC 5256 section 3, REFERENCES)", "[mail][sort]")
{
    using Ids = std::vector<std::string>;
    CHECK(ids_of("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>") == Ids{"01KF8JCEOCBS0045PS@xxx.yyy.com"});
    CHECK(ids_of("<a@b><c@d>\r\n <e@f>") == Ids{"a@b", "c@d", "e@f"});
    CHECK(ids_of("Your message of \"Mon <x@y>\" (from <z@z>) < a @ b >") == Ids{"a@b"});
    CHECK(ids_of("<no-sign> <@b> <a@> <> <a@b") == Ids{});
    CHECK(ids_of("<a<b@c>") == Ids{"b@c"});
    CHECK(ids_of("(open <a@b>") == Ids{"a@b"});
    CHECK(ids_of("\"open <a@b>") == Ids{"a@b"});
    CHECK(ids_of("<\"a\\\"b\"@c>") == Ids{"a\"b@c"});
    CHECK(ids_of("<a@b> <c@d") == Ids{"a@b"});
    CHECK(ids_of(std::string(200'000, '"')).empty());
    CHECK(ids_of(std::string(200'000, '(')).empty());
    CHECK(ids_of(std::string(200'000, '<')).empty());
    CHECK(message_id_hash("a@b") != message_id_hash("A@b"));
}

TEST_CASE("the collation is title case and decomposition (RFC 5051 section 2)", "[mail][sort]")
{
    CHECK(collation_key("abc Z_~") == "ABC Z_~");
    CHECK(collation_key("é") == "E\u0301");
    CHECK(collation_key("ё") == "Е\u0308");
    CHECK(collation_key("e\u0301") == collation_key("É"));
    CHECK(collation_key("\u01c4") == "Dz\u030c");  // the RFC's example: title case, then its parts
    CHECK(collation_key("ﬁ") == "fi");
    CHECK(collation_key("ＡＢ") == collation_key("AB"));
    CHECK(collation_key("привет") == collation_key("ПРИВЕТ"));
    CHECK(collation_key("ß") == "ß");
    CHECK(collation_key("½") == "1\u20442");
    CHECK(collation_key("你好") == "你好");
    CHECK(collation_key("\U0001d400") == "A");
    CHECK(collation_key("\U00010428") == "\U00010400");
    CHECK(collation_key("\ufdfa").size() <= 3 * kMaxCollationGrowth);
    CHECK(collation_key("a\xff\xc3") == "A\xff\xc3");
    CHECK(collation_key("Az") < collation_key("Ärger"));
    CHECK(collation_key("Ärger") < collation_key("B"));
}

TEST_CASE("ORDEREDSUBJECT puts subjects together, children under the first (RFC 5256 section 3)", "[mail][thread]")
{
    const Mailbox box({{0, {}, "b", 30}, {0, {}, "Re: a", 20}, {0, {}, "A", 10}, {0, {}, "fwd: a", 40}, {0, {}, "c", 5},
                       {0, {}, "re: B", 31}});
    CHECK(box.by_subject() == "(5)(3 (2)(4))(1 6)");
    CHECK(Mailbox({}).by_subject().empty());
}

TEST_CASE("REFERENCES links messages by their ancestry (RFC 5256 section 3)", "[mail][thread]")
{
    // The response example of section 4: (2)(3 6 (4 23)(44 7 96)).
    CHECK(Mailbox({{2, {}, "x", 1},
                   {3, {}, "y", 2},
                   {6, {3}, "", 3},
                   {4, {3, 6}, "", 4},
                   {23, {3, 6, 4}, "", 5},
                   {44, {3, 6}, "", 6},
                   {7, {44}, "", 7},
                   {96, {7}, "", 8}})
              .by_references() == "(1)(2 3 (4 5)(6 7 8))");
    // Siblings of a parent that is not there: "((3)(5))".
    CHECK(Mailbox({{1, {9}, "", 1}, {2, {9}, "", 2}}).by_references() == "((1)(2))");
    // One child of a parent that is not there stands by itself.
    CHECK(Mailbox({{1, {8, 9}, "", 1}}).by_references() == "(1)");
    // A loop is not closed.
    CHECK(Mailbox({{1, {2}, "", 1}, {2, {1}, "", 2}}).by_references() == "(2 1)");
    CHECK(Mailbox({{1, {1}, "", 1}}).by_references() == "(1)");
    // Of two messages with one id the first has it.
    CHECK(Mailbox({{1, {}, "", 1}, {1, {}, "", 2}, {2, {1}, "", 3}}).by_references() == "(1 3)(2)");
    // A message's own last reference replaces what others' lists said of it.
    CHECK(Mailbox({{3, {1, 2}, "", 3}, {1, {}, "", 1}, {2, {}, "", 2}}).by_references() == "(2)(3 1)");
    // Siblings are told by date, threads too.
    CHECK(Mailbox({{1, {}, "", 9}, {2, {1}, "", 8}, {3, {1}, "", 7}, {4, {}, "", 1}}).by_references() == "(4)(1 (3)(2))");
}

TEST_CASE("REFERENCES puts threads of one subject together (RFC 5256 section 3, step 5)", "[mail][thread]")
{
    // A reply goes under the message that is none.
    CHECK(Mailbox({{1, {}, "a", 1}, {2, {}, "Re: a", 2}}).by_references() == "(1 2)");
    CHECK(Mailbox({{1, {}, "Re: a", 1}, {2, {}, "A", 2}}).by_references() == "(2 1)");
    // Two that are none, or two that are, become siblings.
    CHECK(Mailbox({{1, {}, "a", 1}, {2, {}, "a", 2}}).by_references() == "((1)(2))");
    CHECK(Mailbox({{1, {}, "a", 1}, {2, {}, "a", 2}, {3, {}, "a", 3}}).by_references() == "((1)(2)(3))");
    CHECK(Mailbox({{1, {}, "Re: a", 1}, {2, {}, "Re: a", 2}}).by_references() == "((1)(2))");
    // A thread without its root takes them in, and another such thread too.
    CHECK(Mailbox({{1, {9}, "Re: a", 1}, {2, {9}, "Re: a", 2}, {3, {}, "a", 3}, {4, {8}, "Re: a", 4}, {5, {8}, "", 5}})
              .by_references() == "((1)(2)(3)(4)(5))");
    // No subject is no common subject.
    CHECK(Mailbox({{1, {}, "", 1}, {2, {}, "Re:", 2}}).by_references() == "(1)(2)");
}

TEST_CASE("REFERENCES does what its six steps say, for any references", "[mail][thread]")
{
    std::mt19937_64 random(5256);
    const auto draw = [&random](std::uint64_t below) { return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random); };
    const std::vector<std::string> subjects{"", "a", "Re: a", "b", "b (fwd)", "Re: b", "[fwd: c]", "c"};
    for (int round = 0; round < 3000; ++round) {
        std::vector<Mail> mails(1 + draw(14));
        for (auto& mail : mails) {
            mail.id = draw(16);
            mail.sent = static_cast<std::int64_t>(draw(6));
            mail.subject = subjects[draw(subjects.size())];
            for (auto count = draw(5); count > 0; --count) mail.references.push_back(1 + draw(20));
        }
        const Mailbox box(std::move(mails));
        CAPTURE(round);
        REQUIRE(box.by_references() == WordByWord(box).text());
    }
}

TEST_CASE("chains of a hundred thousand and loops without end are threaded in no time and no stack", "[mail][thread]")
{
    constexpr std::uint64_t kMany = 100'000;
    std::vector<Mail> chain;
    for (std::uint64_t i = 0; i < kMany; ++i) chain.push_back({kMany - i, {kMany - i + 1}, "", static_cast<std::int64_t>(i)});
    const auto deep = Mailbox(chain).by_references();
    CHECK(std::ranges::count(deep, '(') == 1);
    for (auto& mail : chain) mail.references = {mail.id % kMany + 1};
    CHECK(std::ranges::count(Mailbox(chain).by_references(), '(') == 1);
    std::ranges::reverse(chain);
    CHECK(std::ranges::count(Mailbox(chain).by_references(), '(') == 1);
    Mail one{1, {}, "", 0};
    for (std::uint64_t i = 2; i < kMany; ++i) one.references.push_back(i);
    // 7 is an ancestor of 1 by then.
    CHECK(Mailbox({one, {7, {1}, "", 0}}).by_references() == "(2 1)");
    std::vector<Mail> same(kMany, Mail{1, {1}, "Re: x", 0});
    CHECK(std::ranges::count(Mailbox(std::move(same)).by_references(), '(') == static_cast<std::ptrdiff_t>(kMany));
}
