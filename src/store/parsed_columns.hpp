// What the wide table of index.db keeps of a message: parsed once, a pure function of its bytes. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mail/mime.hpp"
#include "store/object_id.hpp"
#include "store/types.hpp"

namespace mbx::store {

struct ParsedColumns {
    ObjectId email_id;
    ObjectId thread_id;
    bool has_attachment = false;
    std::optional<std::int64_t> sent;  // Date:, seconds since 1970; none without a readable one
    int sent_zone = 0;                 // the offset that it shows, minutes east of UTC
    std::string sender;   // first of From: its name, for want of one its address; decoded UTF-8, at most 200 bytes
    std::string subject;       // decoded UTF-8 on one line, at most 1000 bytes
    std::string base_subject;  // RFC 5256 section 2.1
    std::string preview;       // the first 200 characters of the text
    std::uint64_t size = 0;      // of the message
    std::string envelope;        // as FETCH tells it; empty: longer than kMaxEncoded
    std::string body_structure;  // likewise
    std::optional<std::string> list_fields;  // list_fields.hpp
    std::string structure;       // column_code.hpp; empty: longer than kMaxEncoded
    std::string brief;         // brief.hpp
    bool operator==(const ParsedColumns&) const = default;
};

// Of a message in wire form. `structure` must be parse_structure(message).
ParsedColumns make_columns(std::string_view message, const mail::Structure& structure);
ParsedColumns make_columns(std::string_view message);

// The same of one stored message.
struct MessageColumns {
    Uid uid = 0;
    ParsedColumns columns;
};

// A row, and what the wide table has for SEARCH, SORT and THREAD; `brief` is empty where there is nothing yet.
struct BriefRow {
    MessageRow row;
    std::string brief;  // brief.hpp
    ObjectId email_id;
    ObjectId thread_id;
};

}  // namespace mbx::store
