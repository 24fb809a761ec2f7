#include "mail/message_id.hpp"

namespace mbx::mail {
namespace {

bool is_id_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class IdReader {
public:
    explicit IdReader(std::string_view text) : text_(text) {}

    // Behind the next "<"; false: there is none. Outside of ids comments and quoted strings may hold a "<".
    bool find()
    {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '(') skip_comment();
            else if (c == '"') skip_quoted();
            else ++at_;
            if (c == '<') return true;
        }
        return false;
    }

    // Up to the ">"; empty: no valid one.
    std::string id()
    {
        std::string id;
        std::size_t sign = std::string::npos;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '>') return is_valid(id, sign) ? id : std::string();
            if (c == '<') {
                // What came before was no id.
                id.clear();
                sign = std::string::npos;
            } else if (c == '(') {
                --at_;
                skip_comment();
            } else if (c == '"') {
                quoted(id);
            } else if (!is_id_space(c)) {
                if (c == '@') sign = id.size();
                id += c;
            }
        }
        return {};
    }

private:
    static bool is_valid(const std::string& id, std::size_t sign)
    {
        return sign != std::string::npos && sign != 0 && sign + 1 < id.size();
    }
    void quoted(std::string& id)
    {
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
            id += text_[at_++];
        }
        ++at_;
    }
    void skip_quoted()
    {
        const auto open = at_++;
        while (!open_quote_ && at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        // A quote that nobody closes is a letter like another; found out once, so that the time stays linear.
        if (at_ < text_.size() && !open_quote_) {
            ++at_;
            return;
        }
        open_quote_ = true;
        at_ = open + 1;
    }
    void skip_comment()
    {
        if (open_comment_) {
            ++at_;
            return;
        }
        const auto open = at_;
        std::size_t depth = 0;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            at_ += c == '\\' ? 2 : 1;
            if (c == '(') ++depth;
            if (c == ')' && --depth == 0) return;
        }
        // As with quotes.
        at_ = open + 1;
        open_comment_ = true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool open_quote_ = false;
    bool open_comment_ = false;
};

}  // namespace

void visit_message_ids(std::string_view value, const std::function<bool(std::string&&)>& take)
{
    IdReader reader(value);
    while (reader.find()) {
        std::string id = reader.id();
        if (!id.empty() && !take(std::move(id))) return;
    }
}

std::uint64_t message_id_hash(std::string_view id)
{
    // FNV-1a. Two ids with one hash thread together, as they do with one id: a sender who wants that needs no collision.
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash == 0 ? 1 : hash;
}

}  // namespace mbx::mail
