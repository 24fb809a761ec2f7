// The FETCH answer of one message (RFC 9051 section 7.5.2): its items as text and as pieces of the file. Blocking parts
// (opening the file) are the caller's. Pure. Worker thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/fetch.hpp"
#include "imap/nul_finder.hpp"
#include "mail/imap_structure.hpp"
#include "mail/mime.hpp"
#include "store/object_id.hpp"

namespace mbx::imap {

// Appends to the segments of a slice; small things go into one text.
class SegmentWriter {
public:
    explicit SegmentWriter(std::vector<Segment>& segments) : segments_(segments) {}
    std::string& text();
    // Makes room for what is to come at once.
    void reserve(std::string spare, std::size_t bytes);
    // Bytes of `owner`: copied when small.
    void bytes(const std::shared_ptr<const void>& owner, const std::vector<std::string_view>& pieces);
    // The same of a file that is mapped.
    void file_bytes(const store::MessageFilePtr& file, const std::vector<std::string_view>& pieces);
    // A text that bytes() may be told of more than once.
    std::shared_ptr<const std::string> keep(std::string text);
    // Texts, lists of pieces, and what was kept; not files.
    std::size_t held_bytes() const;

private:
    std::vector<Segment>& segments_;
    std::size_t held_ = 0;  // without the text that is being written
};

// A part whose transfer encoding is no mere name for bytes as they are.
struct DecodedPart {
    std::shared_ptr<const std::string> text;
    NulFinder nuls;
};

// What BINARY tells of a part: these bytes of the file, then, where there is one, a decoded text.
struct BinaryText {
    std::string_view of_file;
    DecodedPart* decoded = nullptr;
    std::size_t size() const { return of_file.size() + (decoded != nullptr ? decoded->text->size() : 0); }
};

class MessageAnswer {
public:
    // `file` may be null when no item needs it.
    MessageAnswer(SegmentWriter& out, const store::MessageRow& row, store::MessageFilePtr file,
                  const std::vector<std::string>& keywords);
    // What is known of the message without a look at it.
    void use(std::string envelope, std::optional<mail::Structure> structure);
    void use(const store::ObjectId& email_id, const store::ObjectId& thread_id);
    void use(std::optional<std::string> preview) { preview_ = std::move(preview); }
    // False: BINARY met an unknown transfer encoding.
    bool write(std::uint32_t sequence, const FetchPlan& plan, bool also_flags);

private:
    std::string& begin_item();
    void item(const FetchItem& item);
    void preview(const FetchItem& item);
    void section(const FetchItem& item);
    void text_item(std::string_view label, const std::shared_ptr<const std::string>& text);
    void binary(const FetchItem& item);
    void no_binary(const FetchItem& item);
    BinaryText binary_text(std::uint32_t part, bool with_header);
    DecodedPart& decoded(std::uint32_t part);
    bool has_nul(std::string_view of_file);
    const mail::Structure& structure();
    const mail::Structure& header_structure();

    SegmentWriter& out_;
    const store::MessageRow& row_;
    store::MessageFilePtr file_;
    std::string_view bytes_;
    std::string_view header_;
    const std::vector<std::string>& keywords_;
    // Null: not known yet. Of each one text for all items that ask for it.
    std::shared_ptr<const std::string> envelope_;
    std::shared_ptr<const std::string> body_;
    std::shared_ptr<const std::string> body_structure_;
    std::map<std::uint32_t, DecodedPart> decoded_;  // by the part's place in the structure
    std::optional<NulFinder> nuls_;                 // of the file
    std::optional<std::string> preview_;
    std::optional<mail::Structure> structure_;
    std::optional<mail::Structure> header_structure_;
    store::ObjectId email_id_;
    store::ObjectId thread_id_;
    bool first_ = true;
    bool unknown_encoding_ = false;
};

}  // namespace mbx::imap
