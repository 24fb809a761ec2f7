// AccountStore: annotations (RFC 5464). Read from their file each time: they are asked for seldom, and a mailbox without any
// has no file.
#include <algorithm>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

std::size_t bytes_of(const std::vector<Annotation>& annotations)
{
    std::size_t bytes = 0;
    for (const auto& each : annotations) bytes += each.value.size();
    return bytes;
}

}  // namespace

Result<std::vector<Annotation>, StoreError> AccountStore::State::load_annotations(const std::string& file)
{
    const auto text = read_whole(files, file, kMaxStateFile);
    if (!text && text.error().is_absent()) return std::vector<Annotation>();
    if (!text) return failed("reading annotations", file, text.error());
    auto all = parse_annotations(*text);
    if (all) return std::move(*all);
    log.error("store: annotations are damaged and set aside", {{"path", file}});
    const auto aside = files.rename(file, file + ".damaged");
    if (!aside) return failed("setting annotations aside", file, aside.error());
    return std::vector<Annotation>();
}

Outcome AccountStore::State::save_annotations(const std::string& file, const std::vector<Annotation>& annotations)
{
    // Durable behind this, as subscriptions are: nobody is told before.
    const auto done = replace_whole(files, file, format_annotations(annotations), kFileMode);
    if (!done) return failed("writing annotations", file, done.error());
    return {};
}

Result<std::string, StoreError> AccountStore::State::annotation_file(const std::optional<std::string>& mailbox)
{
    if (!mailbox) return path + "/" + std::string(kAccountAnnotationFile);
    const Folder* folder = find_folder(std::string_view(*mailbox));
    if (folder == nullptr) return StoreError::no_such_mailbox;
    return folder_path(*folder) + "/" + std::string(kAnnotationFile);
}

Result<std::vector<Annotation>, StoreError> AccountStore::annotations(const std::optional<std::string>& mailbox,
                                                                      std::int64_t user)
{
    if (auto good = state_->ensure(); !good) return good.error();
    const auto file = state_->annotation_file(mailbox);
    if (!file) return file.error();
    auto all = state_->load_annotations(*file);
    if (all) std::erase_if(*all, [user](const Annotation& each) { return each.owner != 0 && each.owner != user; });
    return all;
}

Result<void, StoreError> AccountStore::annotate(const std::optional<std::string>& mailbox, std::int64_t user,
                                                const std::vector<AnnotationChange>& changes,
                                                const AnnotationLimits& limits)
{
    if (auto good = state_->ensure(); !good) return good.error();
    const auto file = state_->annotation_file(mailbox);
    if (!file) return file.error();
    auto all = state_->load_annotations(*file);
    if (!all) return all.error();
    const auto before = *all;
    for (const auto& change : changes) {
        const std::int64_t owner = is_private_entry(change.entry) ? user : 0;
        const auto is_it = [&](const Annotation& each) { return each.owner == owner && each.entry == change.entry; };
        const auto found = std::ranges::find_if(*all, is_it);
        if (!change.value) {
            if (found != all->end()) all->erase(found);
        } else if (found != all->end()) {
            found->value = *change.value;
        } else {
            all->push_back({change.entry, *change.value, owner});
        }
        if (change.entry.size() > kMostAnnotationName) return StoreError::limit;
        if (change.value && change.value->size() > limits.value_bytes) return StoreError::limit;
    }
    // What became less is always taken, whatever the limits are by now.
    const bool has_grown = all->size() > before.size() || bytes_of(*all) > bytes_of(before);
    if (has_grown && (all->size() > limits.count || bytes_of(*all) > limits.bytes)) return StoreError::limit;
    const auto quota = state_->quota.bytes;
    if (has_grown && quota != 0 && state_->known_usage().bytes >= quota) return StoreError::over_quota;
    if (*all == before) return {};
    return state_->save_annotations(*file, *all);
}

// RFC 5464 section 4.1: those of INBOX are copied when it is renamed, and stay.
Outcome AccountStore::State::copy_annotations(const std::string& from, const std::string& to)
{
    const auto source = annotation_file(from);
    const auto target = annotation_file(to);
    if (!source || !target) return StoreError::no_such_mailbox;
    auto all = load_annotations(*source);
    if (!all) return all.error();
    if (all->empty()) return {};
    return save_annotations(*target, *all);
}

}  // namespace mbx::store
