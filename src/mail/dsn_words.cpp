#include "mail/dsn_words.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "mail/date.hpp"
#include "mail/dsn_phrases.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {

namespace {

constexpr std::size_t kLineWidth = 76;
constexpr std::size_t kMostSaid = 1024;
constexpr std::size_t kMostTold = 50;  // recipients in the human part: the technical one has them all
constexpr std::size_t kMostName = 320;

std::string replaced(std::string_view text, std::string_view what, std::string_view with)
{
    std::string out(text);
    const auto at = out.find(what);
    if (at != std::string::npos) out.replace(at, what.size(), with);
    return out;
}

std::size_t count_characters(std::string_view utf8)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Lines of kLineWidth characters; a word that is longer stands alone, cut where a line of mail would become illegal.
class Paragraphs {
public:
    void add(std::string_view text, std::size_t indent)
    {
        std::string line;
        std::size_t width = 0;
        while (!text.empty()) {
            const auto space = std::min(text.find(' '), text.size());
            constexpr std::size_t kLongestWord = 400;
            const std::size_t taken = space > kLongestWord ? whole_characters(text, kLongestWord) : space;
            const std::string_view word = text.substr(0, taken);
            const std::size_t size = count_characters(word);
            if (!line.empty() && indent + width + 1 + size > kLineWidth) {
                put(line, indent);
                line.clear();
                width = 0;
            }
            if (!line.empty()) line += ' ';
            width += size + (line.empty() ? 0 : 1);
            line += word;
            text.remove_prefix(taken);
            if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
        }
        if (!line.empty()) put(line, indent);
    }
    void gap() { out_ += "\r\n"; }
    std::string take() { return std::move(out_); }

private:
    void put(const std::string& line, std::size_t indent)
    {
        out_.append(indent, ' ');
        out_ += line;
        out_ += "\r\n";
    }
    std::string out_;
};

std::string said_in_words(WallTime at)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
    return format_date(DateTime{seconds, 0});
}

std::string english_span(std::int64_t minutes)
{
    const std::int64_t hours = minutes / 60;
    if (hours == 0) return minutes == 1 ? "1 minute" : std::to_string(minutes) + " minutes";
    if (hours < 48) return hours == 1 ? "1 hour" : std::to_string(hours) + " hours";
    return std::to_string(hours / 24) + " days";
}

std::string russian_count(std::int64_t number, std::string_view one, std::string_view few, std::string_view many)
{
    const auto last = number % 10;
    const bool is_teen = number % 100 >= 11 && number % 100 <= 14;
    std::string_view form = many;
    if (!is_teen && last == 1) form = one;
    if (!is_teen && last >= 2 && last <= 4) form = few;
    return std::to_string(number) + " " + std::string(form);
}

// In the accusative.
std::string russian_span(std::int64_t minutes)
{
    const std::int64_t hours = minutes / 60;
    if (hours == 0) return russian_count(minutes, "минуту", "минуты", "минут");
    if (hours < 48) return russian_count(hours, "час", "часа", "часов");
    return russian_count(hours / 24, "день", "дня", "дней");
}

std::string span(const DsnRequest& request, bool is_russian)
{
    const auto age = request.arrived ? request.now - *request.arrived : WallTime::duration{};
    const auto minutes = std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::minutes>(age).count(), 1);
    return is_russian ? russian_span(minutes) : english_span(minutes);
}

bool is_success(DsnAction action)
{
    return action == DsnAction::delivered || action == DsnAction::relayed || action == DsnAction::expanded;
}

std::string domain_of(const std::string& address)
{
    const auto at = address.rfind('@');
    return tame_text(at == std::string::npos ? "?" : std::string_view(address).substr(at + 1), kMostName);
}

bool has_action(const DsnRequest& request, DsnAction action)
{
    return std::ranges::any_of(request.recipients, [action](const auto& one) { return one.action == action; });
}

// Whether somebody of them has it only as far as the next server.
bool is_handed_over(const DsnRequest& request)
{
    return has_action(request, DsnAction::relayed) || has_action(request, DsnAction::expanded);
}

class Teller {
public:
    Teller(const DsnRequest& request, bool is_russian)
        : request_(request), is_russian_(is_russian), words_(is_russian ? russian_frame() : english_frame())
    {
    }

    std::string tell()
    {
        out_.add(replaced(words_.greeting, "{host}", tame_text(request_.hostname, kMostName)), 0);
        out_.gap();
        out_.add(opening(), 0);
        const std::size_t told = std::min(request_.recipients.size(), kMostTold);
        for (std::size_t at = 0; at < told; ++at) tell(request_.recipients[at]);
        out_.gap();
        if (told < request_.recipients.size())
            out_.add(replaced(words_.more, "{count}", std::to_string(request_.recipients.size() - told)), 0);
        if (request_.is_forwarded && has_action(request_, DsnAction::failed)) {
            out_.add(request_.is_only_copy ? words_.forward_only_copy : words_.forward_kept, 0);
            out_.gap();
        }
        tell_message();
        return out_.take();
    }

private:
    std::string_view opening() const
    {
        if (has_action(request_, DsnAction::failed)) return request_.is_forwarded ? words_.forward_failed : words_.failed;
        if (has_action(request_, DsnAction::delayed)) return request_.is_forwarded ? words_.forward_delayed : words_.delayed;
        return is_handed_over(request_) ? words_.handed_over : words_.delivered;
    }

    void tell(const DsnRecipient& recipient)
    {
        out_.gap();
        out_.add(tame_text(recipient.address, kMostName), 2);
        if (is_success(recipient.action)) {
            tell_success(recipient);
            return;
        }
        const DsnCause cause = cause_of(recipient);
        const CausePhrases both = dsn_phrases(cause);
        const DsnPhrases& phrases = is_russian_ ? both.russian : both.english;
        std::string what = std::string(words_.happened) + replaced(phrases.what, "{domain}", domain_of(recipient.address));
        const std::string_view expired = cause == DsnCause::not_tried ? words_.expired_untried : words_.expired;
        if (recipient.has_expired) what += " " + replaced(expired, "{days}", span(request_, is_russian_));
        out_.add(what, 4);
        tell_words(recipient);
        if (recipient.last_attempt) out_.add(std::string(words_.last_attempt) + said_in_words(*recipient.last_attempt), 4);
        const bool is_delayed = recipient.action == DsnAction::delayed;
        if (is_delayed && recipient.retry_until)
            out_.add(std::string(words_.retry_until) + said_in_words(*recipient.retry_until), 4);
        out_.add(std::string(words_.advice) + std::string(is_delayed ? words_.still_trying : phrases.advice), 4);
    }

    static DsnCause cause_of(const DsnRecipient& recipient)
    {
        if (recipient.by_administrator) return DsnCause::administrator;
        return recipient.is_untried ? DsnCause::not_tried : classify_status(recipient.status, recipient.code);
    }

    void tell_success(const DsnRecipient& recipient)
    {
        const bool is_placed = recipient.action == DsnAction::delivered;
        const bool is_relayed = recipient.action == DsnAction::relayed;
        const std::string_view otherwise = is_relayed ? words_.relayed : words_.expanded;
        out_.add(is_placed ? words_.placed : otherwise, 4);
    }

    void tell_words(const DsnRecipient& recipient)
    {
        std::string said;
        if (recipient.code != 0) said += std::to_string(recipient.code) + " ";
        if (recipient.is_remote && !recipient.status.empty()) said += tame_text(recipient.status, 16) + " ";
        said += tame_text(recipient.said, kMostSaid);
        if (ascii::trim(said).empty()) return;
        std::string_view label = words_.noted;
        if (recipient.is_remote) label = recipient.host.empty() ? words_.said_unknown : words_.said;
        out_.add(replaced(label, "{host}", tame_text(recipient.host, kMostName)) + said, 4);
    }

    void tell_message()
    {
        if (const auto subject = find_field(request_.original, "Subject"))
            out_.add(std::string(words_.subject_label) + tame_text(decode_encoded_words(subject->value), 200), 0);
        if (request_.arrived) out_.add(std::string(words_.sent_label) + said_in_words(*request_.arrived), 0);
        if (!request_.id.empty()) out_.add(std::string(words_.id_label) + tame_text(request_.id, 100), 0);
    }

    const DsnRequest& request_;
    bool is_russian_;
    const FrameWords& words_;
    Paragraphs out_;
};

}  // namespace

std::string tame_text(std::string_view text, std::size_t most)
{
    constexpr std::size_t kLooked = 4;  // bytes looked at for each one that is written: spaces shrink
    const std::size_t limit = most * kLooked;
    const bool was_cut = text.size() > limit;
    if (was_cut) text = text.substr(0, limit);
    std::string out;
    while (!text.empty() && out.size() <= most) {
        const Utf8Character character = first_character(text);
        const bool is_c1 = character.is_good && character.code >= 0x80 && character.code < 0xa0;
        // Line and paragraph separators, and what turns the direction of the words around it.
        const bool is_layout = (character.code >= 0x2028 && character.code <= 0x202e) ||
                               (character.code >= 0x2066 && character.code <= 0x2069);
        const bool is_blank = is_c1 || is_layout || character.code == ' ' || ascii::is_control(text.front());
        if (!is_blank) append_character(out, character.code);
        if (is_blank && !out.empty() && out.back() != ' ') out += ' ';
        text.remove_prefix(character.size);
    }
    if (out.size() > most || was_cut) {
        out.resize(whole_characters(out, std::min(out.size(), most)));
        out += "…";
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

std::string dsn_subject(const DsnRequest& request)
{
    const FrameWords& words = request.languages == DsnLanguages::russian ? russian_frame() : english_frame();
    std::string subject(is_handed_over(request) ? words.subject_handed_over : words.subject_delivered);
    if (has_action(request, DsnAction::delayed)) subject = words.subject_delayed;
    if (has_action(request, DsnAction::failed)) subject = words.subject_failed;
    const auto original = find_field(request.original, "Subject");
    return tame_text(subject + (original ? decode_encoded_words(original->value) : "…"), 160);
}

std::string dsn_text(const DsnRequest& request)
{
    std::string out;
    if (request.languages != DsnLanguages::russian) out += Teller(request, false).tell();
    if (request.languages == DsnLanguages::both) out += "\r\n--\r\n\r\n";
    if (request.languages != DsnLanguages::english) out += Teller(request, true).tell();
    return out;
}

}  // namespace mbx::mail
