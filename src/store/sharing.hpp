// Who shares mailboxes with whom, for all accounts: so that a LIST need not open any account that shares nothing with the
// one who asks. Read once from the accounts' files (access_list.hpp), kept by every job that changes such a list. A few
// hundred bytes for each account that shares anything; bounded by the bounds of the lists. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/access_list.hpp"

namespace mbx::store {

class Sharing {
public:
    // The account's lists as they are now.
    void note(const AccountKey& owner, const AccessLists& lists);
    // The same as a file had it that was read some time ago: what a job said meanwhile is newer.
    void note_read(const AccountKey& owner, const AccessLists& lists);
    void forget(std::int64_t owner);
    // All files are read.
    void finish_reading()
    {
        noted_.clear();
        is_read_ = true;
    }

    // `changed` is called with the owner's id after his grantees have changed, until the watch dies. It must not wait.
    class Watch {
    public:
        Watch(Sharing& sharing, std::function<void(std::int64_t)> changed)
            : sharing_(sharing), at_(sharing.watchers_.insert(sharing.watchers_.end(), std::move(changed)))
        {
        }
        ~Watch() { sharing_.watchers_.erase(at_); }
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

    private:
        Sharing& sharing_;
        std::list<std::function<void(std::int64_t)>>::iterator at_;
    };

    // Whether anything is granted there to `user` or to anyone; his own account shares nothing with him.
    bool shares(std::int64_t owner, std::int64_t user) const;
    // Those that share with him, by domain and name.
    std::vector<AccountKey> owners_for(std::int64_t user) const;
    std::size_t owners() const { return owners_.size(); }

private:
    struct Owner {
        AccountKey key;
        std::set<std::int64_t> grantees;
    };
    std::unordered_map<std::int64_t, Owner> owners_;
    std::map<std::int64_t, std::set<std::int64_t>> by_grantee_;
    void drop(std::int64_t owner);
    std::list<std::function<void(std::int64_t)>> watchers_;
    std::set<std::int64_t> noted_;  // by jobs, until all files are read
    bool is_read_ = false;
};

}  // namespace mbx::store
