// A table that forgets what was used longest ago once it is full: memory stays bounded whoever fills it. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

namespace mbx::auth {

template <typename Key, typename Value, typename Hash = std::hash<Key>>
class LruTable {
public:
    explicit LruTable(std::size_t most) : most_(most) {}

    // The value, which now is the one used last; nothing when there is none. Good until the next insert or erase.
    Value* find(const Key& key)
    {
        const auto found = index_.find(key);
        if (found == index_.end()) return nullptr;
        order_.splice(order_.begin(), order_, found->second);
        return &found->second->second;
    }
    Value& find_or_insert(const Key& key)
    {
        if (Value* there = find(key)) return *there;
        if (index_.size() >= most_) {
            index_.erase(order_.back().first);
            order_.pop_back();
        }
        order_.emplace_front(key, Value());
        index_.emplace(key, order_.begin());
        return order_.front().second;
    }
    void erase(const Key& key)
    {
        const auto found = index_.find(key);
        if (found == index_.end()) return;
        order_.erase(found->second);
        index_.erase(found);
    }
    void clear()
    {
        index_.clear();
        order_.clear();
    }
    std::size_t size() const { return index_.size(); }

private:
    using Order = std::list<std::pair<Key, Value>>;
    std::size_t most_;
    Order order_;
    std::unordered_map<Key, typename Order::iterator, Hash> index_;
};

}  // namespace mbx::auth
