#include "imap/url_bytes.hpp"

#include <algorithm>

namespace mbx::imap {

namespace {

std::vector<std::string_view> part_of(const std::vector<std::string_view>& pieces, const UrlPartial& partial)
{
    std::vector<std::string_view> cut;
    std::uint64_t skip = partial.offset;
    std::uint64_t left = partial.count.value_or(UINT64_MAX);
    for (auto piece : pieces) {
        const auto skipped = std::min<std::uint64_t>(skip, piece.size());
        piece.remove_prefix(static_cast<std::size_t>(skipped));
        skip -= skipped;
        piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
        left -= piece.size();
        if (!piece.empty()) cut.push_back(piece);
    }
    return cut;
}

}  // namespace

std::optional<UrlBytes> look_up(store::AccountStore& store, store::MailboxId mailbox, const MessageUrl& url)
{
    if (url.uidvalidity) {
        const auto status = store.status(mailbox);
        if (!status || status->uidvalidity != *url.uidvalidity) return std::nullopt;
    }
    auto file = store.message(mailbox, url.uid);
    if (!file) return std::nullopt;
    UrlBytes found;
    found.file = *std::move(file);
    const auto bytes = found.file->bytes();
    if (url.section.path.empty() && url.section.text == mail::SectionText::whole) {
        found.pieces = {bytes};
    } else {
        auto section = mail::resolve_section(bytes, mail::parse_structure(bytes), url.section);
        if (!section) return std::nullopt;
        found.pieces = std::move(section->pieces);
    }
    if (url.partial) found.pieces = part_of(found.pieces, *url.partial);
    return found;
}

}  // namespace mbx::imap
