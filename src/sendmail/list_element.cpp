#include "sendmail/list_element.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace mbx::sendmail {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view without_blanks(std::string_view text)
{
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

class Splitter {
public:
    Splitter(std::string_view list, std::size_t most) : list_(list), most_(most) {}

    std::vector<ListElement> split()
    {
        while (at_ < list_.size() && found_.size() < most_) take(list_[at_]);
        if (found_.size() < most_) end_element(list_.size());
        // A group without its end is told of as it stands, with its name.
        if (is_in_group_ && found_.size() > group_first_) {
            found_.resize(group_first_);
            found_.push_back({without_blanks(list_.substr(group_begin_)), false});
        }
        return std::exchange(found_, {});
    }

private:
    void take(char c)
    {
        if (is_blank(c)) {
            has_blank_ = true;
            ++at_;
        } else if (c == '(') {
            has_blank_ = true;
            skip_comment();
        } else if (c == ',' && !is_in_angle_ && !(is_route_ && is_next_hop(at_ + 1))) {
            end_element(at_++);
        } else if (c == ';' && !is_in_angle_) {
            end_element(at_++);
            is_in_group_ = false;
        } else if (c == ':' && !is_in_angle_ && is_route_) {
            is_route_ = false;
            take_word(c);
        } else if (c == ':' && !is_in_angle_) {
            begin_group();
        } else {
            take_word(c);
        }
    }

    void take_word(char c)
    {
        const bool is_joined = words_ == 0 || !has_blank_ || c == '.' || c == '@' || last_ == '.' || last_ == '@';
        const bool ends_angle = c == '>' && is_in_angle_;
        if (!is_joined && !ends_angle) has_gap_ = true;
        if (has_angle_ && !is_in_angle_) is_broken_ = true;
        if (words_ == 0 && c == '@' && !has_angle_) has_route_ = is_route_ = true;
        has_blank_ = false;
        last_ = c;
        ++words_;
        if (c == '<') return begin_angle();
        if (c == '>') return end_angle();
        if (c == '"') return skip_enclosed('"');
        if (c == '[') return skip_enclosed(']');
        ++at_;
    }

    // What stands before it is a name, in which words stand apart.
    void begin_angle()
    {
        is_broken_ = is_broken_ || is_in_angle_;
        is_in_angle_ = true;
        has_angle_ = true;
        has_gap_ = false;
        words_ = 0;
        ++at_;
    }

    void end_angle()
    {
        is_broken_ = is_broken_ || !is_in_angle_;
        is_in_angle_ = false;
        ++at_;
    }

    // Of a source route without brackets, as RCPT has it within them (RFC 5321 section 4.1.2): "@a,@b:c@d".
    bool is_next_hop(std::size_t at) const
    {
        while (at < list_.size() && is_blank(list_[at])) ++at;
        return at < list_.size() && list_[at] == '@';
    }

    void begin_group()
    {
        is_in_group_ = true;
        group_first_ = found_.size();
        group_begin_ = begin_;
        begin_element(++at_);
    }

    void skip_enclosed(char end)
    {
        for (++at_; at_ < list_.size() && list_[at_] != end; ++at_) {
            if (list_[at_] == '\\') ++at_;
        }
        is_broken_ = is_broken_ || at_ >= list_.size();
        at_ = std::min(at_ + 1, list_.size());
    }

    void skip_comment()
    {
        std::size_t depth = 0;
        for (; at_ < list_.size(); ++at_) {
            if (list_[at_] == '\\') ++at_;
            else if (list_[at_] == '(') ++depth;
            else if (list_[at_] == ')' && --depth == 0) break;
        }
        is_broken_ = is_broken_ || at_ >= list_.size();
        at_ = std::min(at_ + 1, list_.size());
    }

    void begin_element(std::size_t at)
    {
        begin_ = at;
        words_ = 0;
        last_ = 0;
        has_blank_ = has_gap_ = has_angle_ = is_in_angle_ = has_route_ = is_route_ = is_broken_ = false;
    }

    void end_element(std::size_t end)
    {
        const std::string_view text = without_blanks(list_.substr(begin_, end - begin_));
        const bool is_comment = words_ == 0 && !has_angle_ && !is_broken_;
        if (!text.empty() && !is_comment) found_.push_back({text, !is_broken_ && !has_gap_ && !is_in_angle_ && !is_route_, has_route_});
        begin_element(end + 1);
    }

    std::string_view list_;
    std::size_t most_;
    std::vector<ListElement> found_;
    std::size_t at_ = 0;
    std::size_t begin_ = 0;
    std::size_t group_first_ = 0;  // the first element of the group that is open
    std::size_t group_begin_ = 0;  // where its name begins
    std::size_t words_ = 0;        // bytes that are neither blank nor comment, since the element or its "<" began
    char last_ = 0;                // of them
    bool has_blank_ = false;       // since then
    bool has_gap_ = false;         // between words that nothing joins
    bool has_angle_ = false;
    bool is_in_angle_ = false;
    bool has_route_ = false;  // it begins with @, without brackets
    bool is_route_ = false;   // whose colon has not come yet
    bool is_in_group_ = false;
    bool is_broken_ = false;
};

}  // namespace

std::vector<ListElement> split_list(std::string_view list, std::size_t most)
{
    return Splitter(list, most).split();
}

}  // namespace mbx::sendmail
