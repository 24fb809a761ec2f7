#include "imap/field_harvest.hpp"

#include <algorithm>
#include <cstring>

namespace mbx::imap {

void FieldHarvest::take(const store::MessageRow& row, const store::Brief& brief, unsigned)
{
    ++taken_;
    const auto before = entries_.size();
    const bool is_known = store::visit_brief_field(brief, field_, [this, &row](std::string_view text) {
        texts_ += text;
        entries_.push_back({texts_.size(), row.uid});
        return true;
    });
    if (is_known) {
        add_above(known_, row.uid);
        return;
    }
    entries_.resize(before);
    texts_.resize(entries_.empty() ? 0 : entries_.back().end);
}

NumberSet FieldHarvest::holding(std::string_view needle) const
{
    NumberSet held;
    const auto add = [&held](store::Uid uid) {
        if (held.empty() || held.back().last != uid) add_above(held, uid);
    };
    if (needle.empty()) {
        for (const auto& entry : entries_) add(entry.uid);
        return held;
    }
    // No text is longer; so a needle that fits none costs nothing.
    if (needle.size() > store::kMaxBriefFields) return held;
    auto entry = entries_.begin();
    std::size_t at = 0;
    while (at < texts_.size()) {
        const void* found = ::memmem(texts_.data() + at, texts_.size() - at, needle.data(), needle.size());
        if (found == nullptr) break;
        const auto where = static_cast<std::size_t>(static_cast<const char*>(found) - texts_.data());
        entry = std::partition_point(entry, entries_.end(), [where](const Text& one) { return one.end <= where; });
        // One that reaches into the next text is none, and neither is any that begins behind it in this one.
        if (where + needle.size() <= entry->end) add(entry->uid);
        at = entry->end;
    }
    return held;
}

std::size_t FieldHarvest::bytes() const
{
    return entries_.capacity() * sizeof(Text) + texts_.capacity() + known_.capacity() * sizeof(store::UidRange);
}

}  // namespace mbx::imap
