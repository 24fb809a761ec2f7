#include "mail/thread.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "mail/linked_trees.hpp"

namespace mbx::mail {

namespace {

constexpr std::uint32_t kNone = kNoThreadNode;

// By sent date; of equal ones by place in the mailbox (RFC 5256 section 2.2).
std::vector<std::uint32_t> by_date(const std::vector<ThreadMessage>& messages)
{
    std::vector<std::uint32_t> order(messages.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&messages](std::uint32_t i) { return std::pair(messages[i].sent, i); });
    return order;
}

// Which node an id is. Sorted instead of hashed: who sends mail chooses the ids.
class IdTable {
public:
    explicit IdTable(const std::vector<ThreadMessage>& messages) : size_(static_cast<std::uint32_t>(messages.size()))
    {
        for (std::uint32_t i = 0; i < messages.size(); ++i) {
            if (messages[i].id != 0) entries_.emplace_back(messages[i].id, i);
            for (const auto reference : messages[i].references) entries_.emplace_back(reference, kNone);
        }
        std::ranges::sort(entries_);
        // The first message with an id has it (step 1.A); the others have unique ones, which nothing refers to.
        const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
        entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
        for (auto& [id, node] : entries_) {
            if (node == kNone) node = size_++;
        }
    }
    std::uint32_t node(std::uint64_t id) const
    {
        return std::ranges::lower_bound(entries_, id, {}, &std::pair<std::uint64_t, std::uint32_t>::first)->second;
    }
    std::uint32_t size() const { return size_; }  // of messages and dummies

private:
    std::vector<std::pair<std::uint64_t, std::uint32_t>> entries_;
    std::uint32_t size_;
};

// Step 1: the parent of each node.
std::vector<std::uint32_t> link_references(const std::vector<ThreadMessage>& messages)
{
    const IdTable ids(messages);
    std::vector<std::uint32_t> parents(ids.size(), kNone);
    LinkedTrees trees(ids.size());
    const auto link = [&parents, &trees](std::uint32_t child, std::uint32_t parent) {
        // `child` is a root here: a loop would be made just by a parent that stands in its tree.
        if (child == parent || trees.root(parent) == child) return;
        trees.link(child, parent);
        parents[child] = parent;
    };
    for (std::uint32_t i = 0; i < messages.size(); ++i) {
        std::uint32_t last = kNone;
        for (const auto reference : messages[i].references) {
            const auto node = ids.node(reference);
            if (last != kNone && parents[node] == kNone) link(node, last);
            last = node;
        }
        // 1.B: its own last reference knows better than others' lists.
        if (parents[i] != kNone) trees.cut(i);
        parents[i] = kNone;
        if (last != kNone) link(i, last);
    }
    return parents;
}

// Steps 2 and 3: dummies go but at the top, where one stays that holds two messages or more.
void prune(std::vector<std::uint32_t>& parents, std::size_t messages)
{
    const auto is_dummy = [messages](std::uint32_t node) { return node != kNone && node >= messages; };
    // Of a dummy: the message above it, or the dummy at the top.
    std::vector<std::uint32_t> path;
    const auto settle = [&](std::uint32_t from) {
        auto at = from;
        while (is_dummy(at) && parents[at] != kNone) {
            path.push_back(at);
            at = parents[at];
        }
        for (const auto node : path) parents[node] = at;
        path.clear();
        return at;
    };
    std::vector<std::uint32_t> children(parents.size(), 0);
    for (std::uint32_t i = 0; i < messages; ++i) {
        parents[i] = settle(parents[i]);
        if (is_dummy(parents[i])) ++children[parents[i]];
    }
    for (std::uint32_t i = 0; i < messages; ++i) {
        if (is_dummy(parents[i]) && children[parents[i]] == 1) parents[i] = kNone;
    }
}

// The forest of these parents with siblings in order (steps 4 and 6): a dummy stands where its first child would.
ThreadForest build(const std::vector<std::uint32_t>& parents, const std::vector<std::uint32_t>& order)
{
    ThreadForest forest;
    forest.messages = order.size();
    forest.nodes.resize(parents.size());
    std::vector<std::uint32_t> last_child(parents.size(), kNone);
    std::uint32_t last_root = kNone;
    const auto add_root = [&](std::uint32_t node) {
        if (last_root == kNone) forest.first_root = node;
        else forest.nodes[last_root].next_sibling = node;
        last_root = node;
    };
    for (const auto node : order) {
        const auto parent = parents[node];
        if (parent == kNone) {
            add_root(node);
            continue;
        }
        if (last_child[parent] == kNone) {
            forest.nodes[parent].first_child = node;
            if (forest.is_dummy(parent)) add_root(parent);
        } else {
            forest.nodes[last_child[parent]].next_sibling = node;
        }
        last_child[parent] = node;
    }
    return forest;
}

// Step 5: threads with one subject become one.
class SubjectMerge {
public:
    SubjectMerge(const std::vector<ThreadMessage>& messages, const ThreadForest& forest, std::vector<std::uint32_t>& parents)
        : messages_(messages), forest_(forest), parents_(parents)
    {
    }
    void run()
    {
        for (auto node = forest_.first_root; node != kNone; node = forest_.nodes[node].next_sibling) populate(node);
        for (auto node = forest_.first_root; node != kNone; node = forest_.nodes[node].next_sibling) merge(node);
    }

private:
    std::string_view subject(std::uint32_t node) const
    {
        return messages_[forest_.is_dummy(node) ? forest_.nodes[node].first_child : node].subject;
    }
    bool is_reply(std::uint32_t node) const { return !forest_.is_dummy(node) && messages_[node].is_reply; }

    // 5.B
    void populate(std::uint32_t node)
    {
        if (subject(node).empty()) return;
        const auto [entry, is_new] = table_.try_emplace(subject(node), node);
        if (is_new || forest_.is_dummy(entry->second)) return;
        if (forest_.is_dummy(node) || (is_reply(entry->second) && !is_reply(node))) entry->second = node;
    }
    // 5.C
    void merge(std::uint32_t node)
    {
        if (subject(node).empty() || parents_[node] != kNone) return;
        auto& known = table_.find(subject(node))->second;
        if (known == node) return;
        if (forest_.is_dummy(known) && forest_.is_dummy(node)) {
            for (auto child = forest_.nodes[node].first_child; child != kNone; child = forest_.nodes[child].next_sibling) {
                parents_[child] = known;
            }
        } else if (forest_.is_dummy(known) || (is_reply(node) && !is_reply(known))) {
            parents_[node] = known;
        } else {
            const auto dummy = static_cast<std::uint32_t>(parents_.size());
            parents_.push_back(kNone);
            parents_[node] = dummy;
            parents_[known] = dummy;
            known = dummy;
        }
    }

    const std::vector<ThreadMessage>& messages_;
    const ThreadForest& forest_;
    std::vector<std::uint32_t>& parents_;
    std::map<std::string_view, std::uint32_t> table_;
};

}  // namespace

ThreadForest thread_by_subject(const std::vector<ThreadMessage>& messages)
{
    std::vector<std::uint32_t> order(messages.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&messages](std::uint32_t i) {
        return std::tuple(messages[i].subject, messages[i].sent, i);
    });
    std::vector<std::uint32_t> parents(messages.size(), kNone);
    std::uint32_t first = kNone;
    for (const auto i : order) {
        if (first != kNone && messages[first].subject == messages[i].subject) parents[i] = first;
        else first = i;
    }
    return build(parents, by_date(messages));
}

ThreadForest thread_by_references(const std::vector<ThreadMessage>& messages)
{
    auto parents = link_references(messages);
    prune(parents, messages.size());
    const auto order = by_date(messages);
    const auto before = build(parents, order);
    SubjectMerge(messages, before, parents).run();
    return build(parents, order);
}

std::string thread_text(const ThreadForest& forest, const std::vector<std::uint32_t>& numbers)
{
    std::string out;
    for (auto root = forest.first_root; root != kNone; root = forest.nodes[root].next_sibling) {
        std::vector<std::uint32_t> waiting;  // siblings to be told at each level that is open
        out += '(';
        auto node = root;
        while (node != kNone) {
            if (!forest.is_dummy(node)) out += std::to_string(numbers[node]);
            const auto child = forest.nodes[node].first_child;
            if (child != kNone) {
                const bool is_split = forest.nodes[child].next_sibling != kNone;
                if (!forest.is_dummy(node)) out += ' ';
                if (is_split) out += '(';
                if (is_split) waiting.push_back(forest.nodes[child].next_sibling);
                node = child;
                continue;
            }
            out += ')';
            while (!waiting.empty() && waiting.back() == kNone) {
                waiting.pop_back();
                out += ')';
            }
            if (waiting.empty()) break;
            node = waiting.back();
            waiting.back() = forest.nodes[node].next_sibling;
            out += '(';
        }
    }
    return out;
}

}  // namespace mbx::mail
