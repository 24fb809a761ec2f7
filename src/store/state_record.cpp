#include "store/state_record.hpp"

#include <array>
#include <utility>

#include "base/ascii.hpp"
#include "store/message_name.hpp"

namespace mbx::store {

namespace {

constexpr std::string_view kFolderHead = "mailboxd-state 1";
constexpr std::string_view kAccountHead = "mailboxd-account 1";

constexpr std::array<std::pair<SpecialUse, std::string_view>, 7> kUses{{{SpecialUse::all, "all"},
                                                                       {SpecialUse::archive, "archive"},
                                                                       {SpecialUse::drafts, "drafts"},
                                                                       {SpecialUse::flagged, "flagged"},
                                                                       {SpecialUse::junk, "junk"},
                                                                       {SpecialUse::sent, "sent"},
                                                                       {SpecialUse::trash, "trash"}}};

// FNV-1a: finds torn and edited files; no defence against a forger, who could write the Maildir as well.
std::uint64_t checksum(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

void put_line(std::string& text, std::string_view key, std::string_view value)
{
    text += key;
    text += ' ';
    text += value;
    text += '\n';
}

std::string closed(std::string text)
{
    const std::string sum = std::to_string(checksum(text));
    put_line(text, "checksum", sum);
    return text;
}

template <typename Number>
bool take_number(std::string_view value, Number& into)
{
    const auto number = ascii::parse_number(value);
    if (!number || !std::in_range<Number>(*number)) return false;
    into = static_cast<Number>(*number);
    return true;
}

bool take_use(std::string_view value, SpecialUse& into)
{
    for (const auto& [use, word] : kUses) {
        if (value == word) {
            into = use;
            return true;
        }
    }
    return false;
}

bool take(std::string_view key, std::string_view value, FolderRecord& into)
{
    if (key == "mailbox") return take_number(value, into.id.value);
    if (key == "uidvalidity") return take_number(value, into.uidvalidity);
    if (key == "uid-ceiling") return take_number(value, into.uid_ceiling);
    if (key == "modseq-ceiling") return take_number(value, into.modseq_ceiling);
    if (key == "special-use") return take_use(value, into.special_use);
    if (key == "name") into.name = value;
    if (key == "keyword") into.keywords.emplace_back(value);
    return key == "name" || key == "keyword";
}

bool take(std::string_view key, std::string_view value, AccountRecord& into)
{
    if (key == "mailbox-ceiling") return take_number(value, into.mailbox_ceiling);
    if (key == "uidvalidity-ceiling") return take_number(value, into.uidvalidity_ceiling);
    if (key == "set-up") into.is_set_up = value == "yes";
    if (key == "subscribed") into.subscriptions.emplace(value);
    return key == "set-up" || key == "subscribed";
}

template <typename Record>
std::optional<Record> parse(std::string_view text, std::string_view head)
{
    const auto lines = parse_lines(text, head);
    if (!lines) return std::nullopt;
    Record record;
    for (const auto& [key, value] : *lines) {
        if (!take(key, value, record)) return std::nullopt;
    }
    return record;
}

}  // namespace

std::string format_lines(std::string_view head, const RecordLines& lines)
{
    std::string text(head);
    text += '\n';
    for (const auto& [key, value] : lines) put_line(text, key, value);
    return closed(std::move(text));
}

std::optional<RecordLines> parse_lines(std::string_view text, std::string_view head)
{
    constexpr std::string_view kSum = "checksum ";
    const auto last = text.rfind(kSum);
    if (last == std::string_view::npos || !text.ends_with('\n')) return std::nullopt;
    const auto digits = text.substr(last + kSum.size(), text.size() - last - kSum.size() - 1);
    const auto sum = ascii::parse_number(digits);
    if (!sum || *sum != checksum(text.substr(0, last))) return std::nullopt;
    text = text.substr(0, last);
    if (!text.starts_with(head) || text.size() <= head.size() || text[head.size()] != '\n') return std::nullopt;
    text.remove_prefix(head.size() + 1);
    RecordLines lines;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        const auto space = line.find(' ');
        if (line.size() == text.size() || space == std::string_view::npos) return std::nullopt;
        lines.emplace_back(line.substr(0, space), line.substr(space + 1));
        text.remove_prefix(line.size() + 1);
    }
    return lines;
}

std::string format_record(const FolderRecord& record)
{
    std::string text(kFolderHead);
    text += '\n';
    put_line(text, "mailbox", std::to_string(record.id.value));
    put_line(text, "uidvalidity", std::to_string(record.uidvalidity));
    put_line(text, "uid-ceiling", std::to_string(record.uid_ceiling));
    put_line(text, "modseq-ceiling", std::to_string(record.modseq_ceiling));
    for (const auto& [use, word] : kUses) {
        if (record.special_use == use) put_line(text, "special-use", word);
    }
    if (!record.name.empty()) put_line(text, "name", record.name);
    for (const auto& keyword : record.keywords) put_line(text, "keyword", keyword);
    return closed(std::move(text));
}

std::string format_record(const AccountRecord& record)
{
    std::string text(kAccountHead);
    text += '\n';
    put_line(text, "mailbox-ceiling", std::to_string(record.mailbox_ceiling));
    put_line(text, "uidvalidity-ceiling", std::to_string(record.uidvalidity_ceiling));
    put_line(text, "set-up", record.is_set_up ? "yes" : "no");
    for (const auto& name : record.subscriptions) put_line(text, "subscribed", name);
    return closed(std::move(text));
}

std::optional<FolderRecord> parse_folder_record(std::string_view text)
{
    auto record = parse<FolderRecord>(text, kFolderHead);
    if (!record || record->id.value <= 0 || record->uidvalidity == 0 || record->uid_ceiling == 0) return std::nullopt;
    if (record->keywords.size() > kMaxKeywords) return std::nullopt;
    return record;
}

std::optional<AccountRecord> parse_account_record(std::string_view text)
{
    auto record = parse<AccountRecord>(text, kAccountHead);
    if (!record || record->mailbox_ceiling <= 0) return std::nullopt;
    return record;
}

}  // namespace mbx::store
