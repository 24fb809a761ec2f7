#include "smtp/client_reply.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "mail/utf8.hpp"
#include "trace/folding.hpp"

namespace mbx::smtp {

namespace {

constexpr std::size_t kMostWords = 2048;
constexpr std::size_t kMostLastWords = 200;

// The size of "5.7.1" at the front; 0: there is none.
std::size_t measure_enhanced(std::string_view text)
{
    std::size_t at = 0;
    for (int part = 0; part < 3; ++part) {
        const std::size_t first = at;
        while (at < text.size() && ascii::is_digit(text[at])) ++at;
        const std::size_t digits = at - first;
        if (digits == 0 || digits > (part == 0 ? 1U : 3U)) return 0;
        if (part == 2) break;
        if (at == text.size() || text[at] != '.') return 0;
        ++at;
    }
    return at == text.size() || text[at] == ' ' ? at : 0;
}

std::size_t measure_enhanced(std::string_view text, unsigned code_class)
{
    const std::size_t size = measure_enhanced(text);
    return size != 0 && static_cast<unsigned>(text.front() - '0') == code_class ? size : 0;
}

// What stands for the code that a remote did not give (RFC 3463 section 2).
std::string guess_enhanced(unsigned code, ClientStep step)
{
    switch (code) {
    case 421: return "4.3.2";
    case 451: return "4.3.0";
    case 452: return step == ClientStep::recipient ? "4.5.3" : "4.3.1";
    case 454: return "4.7.0";
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
    case 555: return "5.5.0";
    case 530:
    case 535:
    case 538: return "5.7.0";
    case 552: return step == ClientStep::recipient ? "5.2.2" : "5.3.4";
    case 556: return "5.1.10";  // RFC 7505 section 4.2
    default: break;
    }
    return std::to_string(code / 100) + ".0.0";
}

}  // namespace

std::string RemoteReply::enhanced() const
{
    const std::size_t size = measure_enhanced(lines.front(), code_class());
    return lines.front().substr(0, size);
}

std::string RemoteReply::text() const
{
    std::string out;
    for (const std::string& line : lines) {
        std::string_view words = line;
        words.remove_prefix(measure_enhanced(words, code_class()));
        words = ascii::trim(words);
        if (words.empty()) continue;
        if (!out.empty()) out += ' ';
        out += trace::clean_text(words, kMostWords);
        if (out.size() > kMostWords) break;
    }
    if (out.size() > kMostWords) out.resize(mail::whole_characters(out, kMostWords));
    return out;
}

std::size_t RemoteReplyParser::feed(std::string_view bytes)
{
    std::size_t used = 0;
    while (state_ == State::more && used < bytes.size()) {
        const std::string_view rest = bytes.substr(used);
        const std::size_t end = rest.find('\n');
        const std::size_t take = end == std::string_view::npos ? rest.size() : end + 1;
        const std::size_t room = kMaxLine - line_.size();
        const std::string_view piece = rest.substr(0, std::min(take, room));
        line_ += piece;
        used += piece.size();
        bytes_ += piece.size();
        const bool is_whole = line_.ends_with('\n');
        if ((!is_whole && line_.size() >= kMaxLine) || bytes_ > kMaxBytes) {
            state_ = State::too_long;
            break;
        }
        if (!is_whole) continue;
        std::string_view line(line_);
        line.remove_suffix(1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        take_line(line);
        if (state_ == State::more) line_.clear();
    }
    return used;
}

void RemoteReplyParser::take_line(std::string_view line)
{
    const std::string_view digits = line.substr(0, 3);
    const bool is_code = digits.size() == 3 && std::ranges::all_of(digits, ascii::is_digit);
    const char separator = line.size() > 3 ? line[3] : ' ';
    const auto code = is_code ? static_cast<unsigned>(ascii::parse_number(digits).value_or(0)) : 0U;
    // RFC 5321 section 4.2: the first digit is 2 to 5. What has another means nothing that we know.
    if (code < 200 || code > 599 || (separator != ' ' && separator != '-')) {
        state_ = State::not_smtp;
        return;
    }
    // RFC 5321 section 4.2.1 wants one code on all lines; with two classes nobody can say what was meant.
    if (reply_.code != 0 && reply_.code / 100 != code / 100) {
        state_ = State::not_smtp;
        return;
    }
    reply_.code = code;
    if (reply_.lines.size() == kMaxLines) {
        state_ = State::too_long;
        return;
    }
    reply_.lines.emplace_back(line.substr(std::min<std::size_t>(line.size(), 4)));
    if (separator == ' ') state_ = State::done;
}

std::string RemoteReplyParser::last_words() const
{
    std::string_view line(line_);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    return trace::clean_text(line, kMostLastWords);
}

std::string_view name_of(ClientStep step)
{
    switch (step) {
    case ClientStep::greeting: return "the connection";
    case ClientStep::hello: return "EHLO";
    case ClientStep::start_tls: return "STARTTLS";
    case ClientStep::authentication: return "AUTH";
    case ClientStep::mail: return "MAIL";
    case ClientStep::recipient: return "RCPT";
    case ClientStep::data: return "DATA";
    case ClientStep::content: return "the end of the message";
    }
    return {};
}

bool is_too_many_recipients(const RemoteReply& reply)
{
    if (reply.code != 452 && reply.code != 552) return false;
    const std::string enhanced = reply.enhanced();
    return enhanced.empty() || enhanced.substr(1) == ".5.3";
}

queue::Answer answer_of(const RemoteReply& reply, ClientStep step)
{
    queue::Answer answer;
    answer.code = reply.code;
    answer.enhanced = reply.enhanced();
    answer.text = reply.text();
    answer.is_remote = true;
    const bool is_crowded = step == ClientStep::recipient && is_too_many_recipients(reply);
    if (reply.is_success()) answer.verdict = queue::Answer::Verdict::delivered;
    else if (reply.is_permanent() && !is_crowded) answer.verdict = queue::Answer::Verdict::permanent;
    else answer.verdict = queue::Answer::Verdict::temporary;
    if (is_crowded) answer.enhanced = "4.5.3";
    if (answer.enhanced.empty()) answer.enhanced = guess_enhanced(reply.code, step);
    return answer;
}

queue::Answer out_of_place(const RemoteReply& reply, std::string_view to)
{
    const std::string words = reply.text();
    queue::Answer answer = own_answer(queue::Answer::Verdict::temporary, "4.5.0",
                                      "the other server answered out of place: " + std::to_string(reply.code) + " to " + std::string(to) +
                                          (words.empty() ? "" : " (\"" + words + "\")"));
    answer.code = reply.code;
    return answer;
}

queue::Answer own_answer(queue::Answer::Verdict verdict, std::string enhanced, std::string text)
{
    queue::Answer answer;
    answer.verdict = verdict;
    answer.enhanced = std::move(enhanced);
    answer.text = std::move(text);
    return answer;
}

}  // namespace mbx::smtp
