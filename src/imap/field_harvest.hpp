// The texts of one header field of a mailbox's messages, as SEARCH compares them: decoded and folded, one behind the other, so
// that a key is looked for in all of them at once. Kept between commands (kept_keys.hpp). Gathered on the account's strand
// slice by slice; holding() is pure and runs on a worker beside it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imap/search.hpp"

namespace mbx::imap {

class FieldHarvest final : public Harvest {
public:
    // One of store::kBriefFields, in lower case.
    explicit FieldHarvest(std::string field) : field_(std::move(field)) {}
    // In ascending order of UIDs.
    void take(const store::MessageRow& row, const store::Brief& brief, unsigned score) override;
    // Messages of which a field of that name holds `needle` (folded), as SearchText::header_contains says of the file; with an
    // empty one those that have such a field. Only those of known() are looked at.
    NumberSet holding(std::string_view needle) const;
    // Messages that were taken and whose texts are here: of others only the file tells.
    const NumberSet& known() const { return known_; }
    std::size_t size() const { return taken_; }
    std::size_t bytes() const;

private:
    struct Text {
        std::size_t end = 0;  // in texts_; it begins where the one before it ends
        store::Uid uid = 0;
    };
    std::string field_;
    std::vector<Text> entries_;
    std::string texts_;
    NumberSet known_;
    std::size_t taken_ = 0;
};

}  // namespace mbx::imap
