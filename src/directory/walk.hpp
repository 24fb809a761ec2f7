// One resolution of an address: whom it reaches, by which steps. Private to directory/.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "directory/snapshot.hpp"

namespace mbx::directory {

template <typename Key, typename Value>
const Value* find_in(const std::vector<Value>& values, const std::unordered_map<Key, std::size_t>& index, const Key& key)
{
    const auto found = index.find(key);
    return found == index.end() ? nullptr : &values[found->second];
}

// Follows aliases and forwarding breadth first, so that each address is looked at once and at its least depth.
class Snapshot::Walk {
public:
    enum class Reach : std::uint8_t {
        mail,       // whatever a message would reach
        own_names,  // no catch-all, no forwarding
    };

    Walk(const Snapshot& snapshot, Reach reach) : snapshot_(snapshot), reach_(reach) {}
    Recipients from(std::string local_part, std::string domain);

private:
    static constexpr std::size_t kNowhere = SIZE_MAX;
    struct Node {
        std::string local_part;
        std::string domain;
        unsigned depth = 0;
        std::size_t parent = kNowhere;
        std::string owner;             // of the nearest list above
        AccountId forwarder;           // of this node's own account, whose forwarding is followed
        bool keeps_copy = true;
        bool is_fruitful = false;      // somebody was reached behind it
        std::vector<std::size_t> waiting;  // nodes that named this address later than it was first met
    };

    void take(std::size_t at);
    void take_domain(std::size_t at, const std::string& address);
    bool take_exact(std::size_t at, const std::string& address);
    void take_account(std::size_t at, const Account& account);
    void take_alias(std::size_t at, const Alias& alias);
    void take_postmaster(std::size_t at);
    bool take_administrators(std::size_t at, std::string_view domain);
    void follow(std::size_t from, const std::string& address);
    void tell(const std::string& address, Expansion::Kind kind, const std::vector<std::string>& targets);
    void reach(std::size_t at);
    void add_account(std::size_t at, AccountId id);
    void add_outside(std::size_t at, const std::string& address);
    void keep_what_is_stuck();
    Recipients result();

    const Snapshot& snapshot_;
    Reach reach_;
    std::vector<Node> nodes_;
    std::unordered_map<std::string, std::size_t> seen_;
    std::set<AccountId> accounts_;
    std::vector<Outside> remote_;
    std::vector<Expansion> expansions_;
    bool is_too_deep_ = false;
    bool is_too_much_ = false;
    bool came_back_ = false;
    bool met_disabled_ = false;
    bool met_unknown_ = false;
};

}  // namespace mbx::directory
