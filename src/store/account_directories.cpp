// AccountStore: where a mailbox lies on the disk.
#include "store/account_state.hpp"

namespace mbx::store {

Result<std::vector<std::string>, StoreError> AccountStore::directories(MailboxId mailbox) const
{
    if (auto good = state_->ensure(); !good) return good.error();
    const Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    return std::vector<std::string>{state_->place_path(*folder, Place::cur), state_->place_path(*folder, Place::fresh)};
}

}  // namespace mbx::store
