// The compact forms of index.db: any bytes decode to nothing or to something sound; any message comes back as it was.
#include <cstdlib>
#include <string_view>

#include "mail/imap_structure.hpp"
#include "store/column_code.hpp"
#include "store/parsed_columns.hpp"

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

void check_bytes(std::string_view bytes)
{
    using namespace mbx;
    if (const auto envelope = store::decode_envelope(bytes)) {
        (void)mail::imap_envelope(*envelope);
        require(store::decode_envelope(store::encode_envelope(*envelope)) == *envelope);
    }
    const auto structure = store::decode_structure(bytes);
    if (!structure) return;
    (void)mail::imap_body(*structure);
    const auto text = mail::imap_bodystructure(*structure);
    const auto again = store::decode_structure(store::encode_structure(*structure));
    require(again && mail::imap_bodystructure(*again) == text);
    for (const auto& part : structure->parts) require(part.body_end <= structure->size);
}

void check_message(std::string_view message)
{
    using namespace mbx;
    const auto structure = mail::parse_structure(message);
    const auto decoded = store::decode_structure(store::encode_structure(structure));
    require(decoded && mail::imap_bodystructure(*decoded) == mail::imap_bodystructure(structure));
    require(store::decode_envelope(store::encode_envelope(structure.envelope())) == structure.envelope());
    const auto columns = store::make_columns(message, structure);
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
