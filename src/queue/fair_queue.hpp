// First in, first out for each key, and the keys take turns: whoever brings much waits behind its own. O(log keys).
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace mbx::queue {

template <typename Key, typename Value>
class FairQueue {
public:
    void push(const Key& key, Value value)
    {
        auto& line = lines_[key];
        if (line.empty()) turns_.push_back(key);
        line.push_back(std::move(value));
        ++size_;
    }
    // To the head of its line, and the line to the head of the turns: what was taken and could not be used.
    void put_back(const Key& key, Value value)
    {
        auto& line = lines_[key];
        if (line.empty()) turns_.push_front(key);
        line.push_front(std::move(value));
        ++size_;
    }
    std::optional<std::pair<Key, Value>> pop()
    {
        if (turns_.empty()) return std::nullopt;
        Key key = std::move(turns_.front());
        turns_.pop_front();
        const auto at = lines_.find(key);
        Value value = std::move(at->second.front());
        at->second.pop_front();
        if (at->second.empty()) {
            lines_.erase(at);
        } else {
            turns_.push_back(key);
        }
        --size_;
        return std::pair<Key, Value>(std::move(key), std::move(value));
    }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

private:
    std::map<Key, std::deque<Value>> lines_;  // none is empty
    std::deque<Key> turns_;                   // each key with a line, once
    std::size_t size_ = 0;
};

}  // namespace mbx::queue
