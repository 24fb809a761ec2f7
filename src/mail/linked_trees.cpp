#include "mail/linked_trees.hpp"

namespace mbx::mail {

bool LinkedTrees::is_top(std::uint32_t node) const
{
    const auto up = nodes_[node].up;
    return up == kNone || (nodes_[up].below[0] != node && nodes_[up].below[1] != node);
}

void LinkedTrees::rotate(std::uint32_t node)
{
    const auto parent = nodes_[node].up;
    const auto grandparent = nodes_[parent].up;
    const std::size_t side = nodes_[parent].below[1] == node ? 1 : 0;
    if (!is_top(parent)) nodes_[grandparent].below[nodes_[grandparent].below[1] == parent ? 1 : 0] = node;
    const auto inner = nodes_[node].below[1 - side];
    nodes_[parent].below[side] = inner;
    if (inner != kNone) nodes_[inner].up = parent;
    nodes_[node].below[1 - side] = parent;
    nodes_[parent].up = node;
    nodes_[node].up = grandparent;
}

void LinkedTrees::splay(std::uint32_t node)
{
    while (!is_top(node)) {
        const auto parent = nodes_[node].up;
        if (!is_top(parent)) {
            const auto grandparent = nodes_[parent].up;
            const bool is_straight = (nodes_[parent].below[1] == node) == (nodes_[grandparent].below[1] == parent);
            rotate(is_straight ? parent : node);
        }
        rotate(node);
    }
}

void LinkedTrees::expose(std::uint32_t node)
{
    std::uint32_t behind = kNone;
    for (auto at = node; at != kNone; at = nodes_[at].up) {
        splay(at);
        nodes_[at].below[1] = behind;
        behind = at;
    }
    splay(node);
}

void LinkedTrees::link(std::uint32_t child, std::uint32_t parent)
{
    expose(child);
    nodes_[child].up = parent;
}

void LinkedTrees::cut(std::uint32_t child)
{
    expose(child);
    const auto above = nodes_[child].below[0];
    if (above == kNone) return;
    nodes_[above].up = kNone;
    nodes_[child].below[0] = kNone;
}

std::uint32_t LinkedTrees::root(std::uint32_t node)
{
    expose(node);
    auto at = node;
    while (nodes_[at].below[0] != kNone) at = nodes_[at].below[0];
    splay(at);
    return at;
}

}  // namespace mbx::mail
