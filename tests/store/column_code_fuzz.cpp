// The compact forms of index.db: any bytes decode to nothing or to something sound; any message comes back as it was.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "mail/imap_structure.hpp"
#include "mail/search_text.hpp"
#include "store/brief.hpp"
#include "store/column_code.hpp"
#include "store/list_fields.hpp"
#include "store/parsed_columns.hpp"

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

void check_bytes(std::string_view bytes)
{
    using namespace mbx;
    if (const auto brief = store::decode_brief(bytes)) {
        for (std::size_t i = 0; i < store::brief_reference_count(*brief); ++i) (void)store::brief_reference(*brief, i);
        for (const auto field : store::kBriefFields) (void)store::brief_field_contains(*brief, field, "a");
    }
    std::string fields;
    if (store::append_list_fields(fields, bytes, UINT64_MAX)) require(fields.size() <= bytes.size() + 2);
    const auto structure = store::decode_structure(bytes);
    if (!structure) return;
    (void)mail::imap_body(*structure);
    const auto text = mail::imap_bodystructure(*structure);
    const auto again = store::decode_structure(store::encode_structure(*structure));
    require(again && mail::imap_bodystructure(*again) == text);
    for (const auto& part : structure->parts) require(part.body_end <= structure->size);
}

// The fields as they were kept are what the message's own section says, for all of them and for each.
void check_list_fields(std::string_view message, const mbx::mail::Structure& structure, const mbx::store::ParsedColumns& columns)
{
    using namespace mbx;
    if (!columns.list_fields) return;
    mail::Section section;
    section.text = mail::SectionText::header_fields;
    const auto check = [&] {
        std::string expected;
        mail::resolve_section(message, structure, section)->append(expected);
        std::string found;
        require(store::append_list_fields(found, *columns.list_fields, *store::list_field_set(section.fields)));
        require(found == expected);
    };
    for (const auto name : store::kListFields) {
        section.fields = {std::string(name)};
        check();
    }
    section.fields.assign(store::kListFields.begin(), store::kListFields.end());
    check();
}

void check_message(std::string_view message)
{
    using namespace mbx;
    const auto structure = mail::parse_structure(message);
    const auto decoded = store::decode_structure(store::encode_structure(structure));
    require(decoded && mail::imap_bodystructure(*decoded) == mail::imap_bodystructure(structure));
    const auto columns = store::make_columns(message, structure);
    require(columns.envelope.empty() || columns.envelope == mail::imap_envelope(structure.envelope()));
    check_list_fields(message, structure, columns);
    const auto brief = store::decode_brief(columns.brief);
    require(brief && brief->base_subject == columns.base_subject && brief->sent == columns.sent);
    const auto fields = mail::searchable_header(message.substr(0, structure.root().body_offset));
    for (const auto name : store::kBriefFields) {
        const auto is_it = [name](const mail::SearchField& field) { return field.name == name; };
        const auto known = store::brief_field_contains(*brief, name, "");
        require(!known || *known == std::ranges::any_of(fields, is_it));
    }
    for (const auto& field : fields) require(store::brief_field_contains(*brief, field.name, field.text).value_or(true));
    require(columns.preview.size() <= 800 && columns.subject.size() <= 1000 && columns.sender.size() <= 200);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] % 2 == 0) check_bytes(bytes);
    else check_message(bytes);
    return 0;
}
