// Numbers and texts in records (the journal's, the queue's): little variable-length integers (seven bits a byte, the low
// ones first, in the one shortest form), texts with their length before them. Pure; reading is total for any bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mbx {

class RecordWriter {
public:
    void number(std::uint64_t value)
    {
        while (value >= 0x80) {
            bytes_ += static_cast<char>(0x80U | (value & 0x7fU));
            value >>= 7U;
        }
        bytes_ += static_cast<char>(value);
    }
    // Small amounts of either sign stay short.
    void signed_number(std::int64_t value)
    {
        const auto raw = static_cast<std::uint64_t>(value);
        number((raw << 1U) ^ (value < 0 ? UINT64_MAX : 0));
    }
    void text(std::string_view value)
    {
        number(value.size());
        bytes_ += value;
    }
    std::string& bytes() { return bytes_; }

private:
    std::string bytes_;
};

// Errors stick: after the first, everything read is zero or empty and is_good() says so.
class RecordReader {
public:
    explicit RecordReader(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number()
    {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            const std::uint64_t bits = byte & 0x7fU;
            const bool fits = shift < 63 || bits <= 1;
            value |= bits << shift;
            if ((byte & 0x80U) != 0) continue;
            const bool is_shortest = bits != 0 || shift == 0;
            if (!fits || !is_shortest) break;
            return value;
        }
        return fail();
    }
    std::int64_t signed_number()
    {
        const std::uint64_t raw = number();
        return static_cast<std::int64_t>((raw >> 1U) ^ ((raw & 1U) != 0 ? UINT64_MAX : 0));
    }
    template <typename Number>
    void number_into(Number& into)
    {
        const std::uint64_t value = number();
        if (std::in_range<Number>(value)) {
            into = static_cast<Number>(value);
        } else {
            (void)fail();
        }
    }
    std::string_view text(std::size_t most)
    {
        const std::uint64_t size = number();
        if (size > most || size > rest_.size()) {
            (void)fail();
            return {};
        }
        const auto value = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(value.size());
        return value;
    }
    // How many elements follow, of at least `smallest` bytes each: never more than could be there.
    std::size_t count(std::size_t smallest)
    {
        const std::uint64_t value = number();
        if (value <= rest_.size() / smallest) return static_cast<std::size_t>(value);
        return static_cast<std::size_t>(fail());
    }
    void refuse() { (void)fail(); }
    bool is_good() const { return is_good_; }
    bool is_at_end() const { return rest_.empty(); }

private:
    std::uint64_t fail()
    {
        is_good_ = false;
        rest_ = {};
        return 0;
    }
    std::string_view rest_;
    bool is_good_ = true;
};

}  // namespace mbx
