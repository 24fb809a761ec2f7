// Trees whose edges come and go while somebody asks for roots: link-cut trees (Sleator and Tarjan), each step in amortised
// O(log n), without recursion. Pure. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace mbx::mail {

class LinkedTrees {
public:
    static constexpr std::uint32_t kNone = UINT32_MAX;
    explicit LinkedTrees(std::size_t size) : nodes_(size) {}

    // `child` is a root of another tree than `parent` stands in.
    void link(std::uint32_t child, std::uint32_t parent);
    // `child` becomes a root.
    void cut(std::uint32_t child);
    std::uint32_t root(std::uint32_t node);

private:
    // Paths from a root down are splay trees ordered by depth; `up` of such a tree's top leads to the path above.
    struct Node {
        std::array<std::uint32_t, 2> below{kNone, kNone};
        std::uint32_t up = kNone;
    };
    bool is_top(std::uint32_t node) const;
    void rotate(std::uint32_t node);
    void splay(std::uint32_t node);
    // The path from the root to `node` becomes one splay tree with `node` at its top and nothing behind it.
    void expose(std::uint32_t node);

    std::vector<Node> nodes_;
};

}  // namespace mbx::mail
