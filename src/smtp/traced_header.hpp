// What the trace wants of a header: Subject and Message-ID, wherever they stand in it. The header comes in pieces; any split
// gives the same. Linear; holds one line and two short values. Pure. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mbx::smtp {

class TracedHeader {
public:
    static constexpr std::size_t kMostField = 500;  // of each value: a continuation that does not fit is left away

    void feed(std::string_view piece);
    // Behind the last piece of a message that is all header.
    void finish();

    const std::string& subject() const { return subject_; }  // raw, unfolded; of the first field of that name
    std::string message_id() const;                          // without < >

private:
    enum class Field : std::uint8_t { other, subject, message_id };
    void end_line();
    Field begin_field(std::string_view line);

    std::string line_;
    std::string subject_;
    std::string message_id_;
    Field field_ = Field::other;  // that a continuation belongs to
    bool is_over_ = false;        // the header is
};

} // namespace mbx::smtp
