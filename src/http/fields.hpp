// Header fields of one message, in the order of arrival (RFC 9110 section 5). A value; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.hpp"

namespace mbx::http {

struct Field {
    std::string name;
    std::string value;
};

class Fields {
public:
    void add(std::string name, std::string value) { fields_.push_back(Field{std::move(name), std::move(value)}); }

    // The first of that name in any case, or null.
    const std::string* find(std::string_view name) const
    {
        for (const Field& field : fields_) {
            if (ascii::same(field.name, name)) return &field.value;
        }
        return nullptr;
    }
    std::size_t count(std::string_view name) const
    {
        std::size_t found = 0;
        for (const Field& field : fields_) found += ascii::same(field.name, name) ? 1U : 0U;
        return found;
    }

    std::size_t size() const { return fields_.size(); }
    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }
    Field& last() { return fields_.back(); }

private:
    std::vector<Field> fields_;
};

}  // namespace mbx::http
