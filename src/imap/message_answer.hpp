// The FETCH answer of one message (RFC 9051 section 7.5.2): its items as text and as pieces of the file. Blocking parts
// (opening the file) are the caller's. Pure. Worker thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/fetch.hpp"
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
    // Bytes of `file`: copied when small.
    void bytes(const store::MessageFilePtr& file, const std::vector<std::string_view>& pieces);

private:
    std::vector<Segment>& segments_;
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
    void binary(const FetchItem& item);
    std::optional<std::string> decoded_part(const FetchItem& item);
    const mail::Structure& structure();
    const mail::Structure& header_structure();

    SegmentWriter& out_;
    const store::MessageRow& row_;
    store::MessageFilePtr file_;
    std::string_view bytes_;
    std::string_view header_;
    const std::vector<std::string>& keywords_;
    std::string envelope_;  // empty: not known
    std::optional<std::string> preview_;
    std::optional<mail::Structure> structure_;
    std::optional<mail::Structure> header_structure_;
    store::ObjectId email_id_;
    store::ObjectId thread_id_;
    bool first_ = true;
    bool unknown_encoding_ = false;
};

}  // namespace mbx::imap
