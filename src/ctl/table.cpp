#include "ctl/table.hpp"

#include <algorithm>

#include "base/legible.hpp"

namespace mbx::ctl {
namespace {

constexpr std::size_t kMostCell = 200;
constexpr std::string_view kGap = "  ";

void trim_end(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

}  // namespace

std::size_t width(std::string_view text)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void Table::add(const std::vector<std::string>& cells)
{
    std::vector<std::string> row;
    for (const std::string& cell : cells) row.push_back(ascii::legible(cell, kMostCell));
    row.resize(columns_.size());
    rows_.push_back(std::move(row));
}

std::string Table::text(Style style, std::string_view nothing) const
{
    if (rows_.empty()) return std::string(nothing) + "\n";
    std::vector<std::size_t> widths;
    for (const Column& column : columns_) widths.push_back(width(column.title));
    for (const auto& row : rows_) {
        for (std::size_t at = 0; at < row.size(); ++at) widths[at] = std::max(widths[at], width(row[at]));
    }
    const auto line = [&](const auto& cell_of) {
        std::string made;
        for (std::size_t at = 0; at < columns_.size(); ++at) {
            const std::string& cell = cell_of(at);
            const std::string padding(widths[at] - width(cell), ' ');
            if (at != 0) made += kGap;
            made += columns_[at].side == Side::right ? padding + cell : cell + padding;
        }
        trim_end(made);
        return made;
    };
    std::string titles = line([this](std::size_t at) -> const std::string& { return columns_[at].title; });
    std::string all = style.colour ? "\x1b[1m" + titles + "\x1b[0m\n" : titles + "\n";
    for (const auto& row : rows_) {
        all += line([&row](std::size_t at) -> const std::string& { return row[at]; }) + "\n";
    }
    return all;
}

std::string pairs(const std::vector<std::pair<std::string, std::string>>& rows)
{
    std::size_t widest = 0;
    for (const auto& [name, value] : rows) widest = std::max(widest, width(name));
    std::string all;
    for (const auto& [name, value] : rows) {
        std::string line = name + ":" + std::string(widest - width(name), ' ') + " " + ascii::legible(value, 1000);
        trim_end(line);
        all += line + "\n";
    }
    return all;
}

}  // namespace mbx::ctl
