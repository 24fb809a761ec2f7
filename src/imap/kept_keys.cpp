#include "imap/kept_keys.hpp"

#include <utility>

namespace mbx::imap {

Harvest& KeptHarvest::harvest() const
{
    if (sort) return *sort;
    if (thread) return *thread;
    return *texts;
}

std::size_t KeptHarvest::size() const
{
    if (sort) return sort->size();
    return thread ? thread->size() : texts->size();
}

std::size_t KeptHarvest::bytes() const
{
    const std::size_t own = sort ? sort->bytes() : thread ? thread->bytes() : texts->bytes();
    return own + sizeof(KeptHarvest);
}

void KeptKeys::drop(std::map<Of, Entry>::iterator it)
{
    bytes_ -= it->second.bytes;
    order_.erase(it->second.place);
    entries_.erase(it);
}

std::unique_ptr<KeptHarvest> KeptKeys::take(const Of& of)
{
    const auto it = entries_.find(of);
    if (it == entries_.end()) return nullptr;
    auto kept = std::move(it->second.kept);
    drop(it);
    return kept;
}

void KeptKeys::put(Of of, std::unique_ptr<KeptHarvest> kept)
{
    const std::size_t bytes = kept->bytes();
    if (bytes > most_bytes_ / 4) return;
    // Two sessions can have gathered the same.
    if (const auto it = entries_.find(of); it != entries_.end()) drop(it);
    while (bytes_ + bytes > most_bytes_ && !order_.empty()) drop(entries_.find(order_.back()));
    order_.push_front(of);
    bytes_ += bytes;
    entries_.emplace(std::move(of), Entry{std::move(kept), bytes, order_.begin()});
}

std::string order_name(const std::vector<SortCriterion>& criteria)
{
    std::string name = "sort";
    for (const auto& criterion : criteria) {
        if (criterion.key == SortKey::relevancy) return {};
        name += ' ' + std::to_string(static_cast<unsigned>(criterion.key)) + (criterion.reverse ? "r" : "");
    }
    return name;
}

std::string texts_name(std::string_view field) { return "texts " + std::string(field); }

std::string order_name(ThreadAlgorithm algorithm) { return "thread " + std::to_string(static_cast<unsigned>(algorithm)); }

}  // namespace mbx::imap
