// Aligned columns of text. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mbx::ctl {

struct Style {
    bool colour = false;
};

class Table {
public:
    enum class Side { left, right };
    struct Column {
        std::string title;
        Side side = Side::left;
    };
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // Cells are made printable; missing ones are empty.
    void add(const std::vector<std::string>& cells);
    // Titles are bold where colour is. An empty table is `nothing` and a line end.
    std::string text(Style style, std::string_view nothing) const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

// "name:  value" lines with the values in one column.
std::string pairs(const std::vector<std::pair<std::string, std::string>>& rows);

// Columns that the text takes; counts characters, not bytes.
std::size_t width(std::string_view text);

}  // namespace mbx::ctl
