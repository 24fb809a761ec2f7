#include "imap/quick_fetch.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "imap/response.hpp"
#include "mail/date.hpp"
#include "store/list_fields.hpp"

namespace mbx::imap {

namespace {

constexpr std::uint64_t kQuickRows = 1000;

void append_number(std::string& out, std::uint64_t number)
{
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

store::WireParts parts_of(const FetchPlan& plan)
{
    store::WireParts parts;
    parts.numbers = plan.changed_since.has_value();
    for (const auto& item : plan.items) {
        switch (item.attribute) {
        case FetchAttribute::uid:
        case FetchAttribute::rfc822_size: break;
        case FetchAttribute::envelope: parts.envelope = true; break;
        case FetchAttribute::body_structure: parts.body_structure = true; break;
        case FetchAttribute::body_section: parts.list_fields = true; break;
        case FetchAttribute::preview: parts.preview = true; break;
        default: parts.numbers = true; break;
        }
    }
    return parts;
}

// Writes one message after the other.
class QuickWriter {
public:
    QuickWriter(const FetchPlan& plan, const std::vector<std::string>& keywords, std::string& out)
        : plan_(plan), keywords_(keywords), out_(out)
    {
        for (const auto& item : plan.items) {
            tells_uid_ = tells_uid_ || item.attribute == FetchAttribute::uid;
            field_sets_.push_back(store::list_field_set(item.section.fields).value_or(0));
        }
    }

    // False: a text is not there; nothing was written.
    bool write(std::uint32_t sequence, const store::WireRow& one)
    {
        const auto before = out_.size();
        out_ += "* ";
        append_number(out_, sequence);
        out_ += " FETCH (";
        if (plan_.with_uid && !tells_uid_) {
            out_ += "UID ";
            append_number(out_, one.row.uid);
            out_ += ' ';
        }
        bool is_whole = true;
        for (std::size_t i = 0; is_whole && i < plan_.items.size(); ++i) {
            if (i != 0) out_ += ' ';
            is_whole = item(plan_.items[i], field_sets_[i], one);
        }
        if (!is_whole) out_.resize(before);
        else out_ += ")\r\n";
        return is_whole;
    }

private:
    bool item(const FetchItem& wanted, std::uint64_t fields, const store::WireRow& one)
    {
        switch (wanted.attribute) {
        case FetchAttribute::flags: return flags(one.row.flags);
        case FetchAttribute::uid: return number("UID ", one.row.uid, "");
        case FetchAttribute::rfc822_size: return number("RFC822.SIZE ", one.row.size, "");
        case FetchAttribute::modseq: return number("MODSEQ (", one.row.modseq, ")");
        case FetchAttribute::internal_date: return date("INTERNALDATE \"", one.row.internal_date);
        case FetchAttribute::save_date: return date("SAVEDATE \"", one.row.save_date);
        case FetchAttribute::envelope: return text("ENVELOPE ", one.envelope);
        case FetchAttribute::body_structure: return text("BODYSTRUCTURE ", one.body_structure);
        case FetchAttribute::preview: return preview(wanted, one);
        default: return header_fields(wanted, fields, one);
        }
    }
    bool flags(store::Flags told)
    {
        out_ += "FLAGS ";
        out_ += flags_text(told, keywords_);
        return true;
    }
    bool number(std::string_view label, std::uint64_t value, std::string_view end)
    {
        out_ += label;
        append_number(out_, value);
        out_ += end;
        return true;
    }
    bool date(std::string_view label, std::int64_t seconds)
    {
        out_ += label;
        out_ += mail::format_internal_date({seconds, 0});
        out_ += '"';
        return true;
    }
    bool text(std::string_view label, std::optional<std::string_view> known)
    {
        if (!known) return false;
        out_ += label;
        out_ += *known;
        return true;
    }
    // RFC 8970 section 3.2: NIL is for LAZY alone.
    bool preview(const FetchItem& wanted, const store::WireRow& one)
    {
        if (!one.preview && !wanted.lazy) return false;
        out_ += "PREVIEW ";
        if (one.preview) mail::append_imap_string(out_, *one.preview);
        else out_ += "NIL";
        return true;
    }
    bool header_fields(const FetchItem& wanted, std::uint64_t fields, const store::WireRow& one)
    {
        if (!one.list_fields) return false;
        fields_.clear();
        if (!store::append_list_fields(fields_, *one.list_fields, fields)) return false;
        out_ += wanted.label;
        number(" {", fields_.size(), "}\r\n");
        out_ += fields_;
        return true;
    }

    const FetchPlan& plan_;
    const std::vector<std::string>& keywords_;
    std::string& out_;
    bool tells_uid_ = false;
    std::vector<std::uint64_t> field_sets_;  // of plan_.items, where they name header fields
    std::string fields_;
};

}  // namespace

bool is_quick_item(const FetchItem& item)
{
    using enum FetchAttribute;
    switch (item.attribute) {
    case flags:
    case uid:
    case rfc822_size:
    case modseq:
    case internal_date:
    case save_date:
    case envelope:
    case body_structure:
    case preview: return true;
    case body_section:
        return !item.partial && item.section.path.empty() && item.section.text == mail::SectionText::header_fields &&
               store::list_field_set(item.section.fields);
    default: return false;
    }
}

std::optional<FetchSlice> quick_slice(store::AccountStore& store, store::MailboxId mailbox, const store::UidTable& view,
                                      const FetchPlan& plan, const NumberSet& uids, std::string& spare)
{
    FetchSlice slice;
    const NumberSet now = first_of(uids, kQuickRows);
    slice.done_until = now.back().last;
    if (plan.needs_flags) {
        auto status = store.status(mailbox);
        if (status) slice.keywords = std::move(status->keywords);
    }
    std::string& out = slice.segments.emplace_back().text;
    out = std::move(spare);
    out.clear();
    QuickWriter writer(plan, slice.keywords, out);
    NumberSet looked_at;
    bool is_first = true;
    const auto look = [&](const store::WireRow& one) {
        const auto uid = one.row.uid;
        if (!is_first && out.size() > kBytesAtOnce) {
            slice.done_until = uid - 1;
            return false;
        }
        const bool is_passed = plan.changed_since && one.row.modseq <= *plan.changed_since;
        const auto sequence = view.sequence(uid);
        if (!is_passed && sequence && !writer.write(*sequence, one)) {
            slice.done_until = uid - 1;
            return false;
        }
        is_first = false;
        add_above(looked_at, uid);
        return true;
    };
    Result<void, store::StoreError> done;
    if (const auto parts = parts_of(plan); parts.has_texts()) {
        done = store.visit_wires(mailbox, now, parts, look);
    } else if (const auto rows = store.rows(mailbox, now); rows) {
        for (const auto& row : *rows) {
            if (!look({row, {}, {}, {}, {}})) break;
        }
    } else {
        done = rows.error();
    }
    if (!done) {
        slice.failure = done.error();
        slice.done_until = now.back().last;
    } else if (is_first && slice.done_until != now.back().last) {
        return std::nullopt;
    }
    slice.missing = without(intersection(now, {{1, slice.done_until}}), looked_at);
    return slice;
}

}  // namespace mbx::imap
