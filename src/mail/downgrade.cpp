#include "mail/downgrade.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "mail/body_encoder.hpp"
#include "mail/mime_walk.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kFoldAt = 900;  // of a line that is too long, when nothing better offers itself

bool has_eight_bit_bytes(std::string_view text) { return std::ranges::any_of(text, ascii::is_eight_bit); }

// Counts what a leaf holds, and decides at its end.
class SurveySink final : public WalkSink {
public:
    explicit SurveySink(ContentTarget target) : target_(target) {}

    void header(const WalkedHeader& walked) override
    {
        end_leaf();
        const bool is_clean = target_ != ContentTarget::seven_bit ||
                              std::ranges::none_of(walked.header.fields, [](const HeaderField& field) {
                                  return has_eight_bit_bytes(field.whole);
                              });
        if (!is_clean) plan.is_possible = false;
        is_signed_ = walked.is_signed;
        const bool opens_signed = walked.kind == WalkKind::multipart && walked.part.subtype == "signed";
        has_signed_ = has_signed_ || is_signed_ || opens_signed;
        if (is_signed_ && (!is_clean || has_illegal_line(walked.header))) spoil_signed();
        for (const HeaderField& field : walked.header.fields) plan.size += field.whole.size() + 4;
        plan.size += 200;  // for what may be added
        if (walked.kind != WalkKind::leaf) return;
        in_leaf_ = true;
        leaf_ = Leaf{};
        leaf_.type = walked.part.type;
        leaf_.subtype = walked.part.subtype;
        leaf_.encoding = walked.part.encoding;
    }
    void text(std::string_view run) override
    {
        leaf_.bytes += run.size();
        leaf_.line += run.size();
        for (const char c : run) {
            leaf_.eight_bit = leaf_.eight_bit || ascii::is_eight_bit(c);
            leaf_.nul = leaf_.nul || c == '\0';
            const bool is_plain = (c >= ' ' && c < 127 && c != '=') || c == '\t';
            if (!is_plain) ++leaf_.encoded;
            leaf_.stray = leaf_.stray || c == '\r';
        }
    }
    void line_end(bool is_crlf) override
    {
        leaf_.longest = std::max(leaf_.longest, leaf_.line);
        leaf_.line = 0;
        leaf_.bytes += 2;
        if (!is_crlf) leaf_.stray = true;
    }
    void delimiter(std::string_view line, bool /*follows_line_end*/, bool /*is_last*/) override
    {
        end_leaf();
        if (line.size() > kMaxTextLine || has_eight_bit_bytes(line)) plan.is_possible = false;
        if (line.find('\0') != std::string_view::npos) plan.is_possible = false;
        plan.size += line.size() + 4;
    }

    void end_leaf()
    {
        // Of a preamble or an epilogue too, which counts for the size, and for whether something signed would change.
        plan.size += leaf_.bytes;
        leaf_.longest = std::max(leaf_.longest, leaf_.line);
        const bool is_bad_junk = leaf_.nul || leaf_.longest > kFoldAt || (leaf_.eight_bit && target_ == ContentTarget::seven_bit);
        if (!in_leaf_ && is_bad_junk) has_bad_junk_ = true;
        if (std::exchange(in_leaf_, false)) {
            const LeafChange change = decide();
            plan.leaves.push_back(change);
            if (change != LeafChange::keep) {
                plan.changes_bodies = true;
                plan.size += std::min(2 * leaf_.encoded + leaf_.bytes / 16, leaf_.bytes / 2) + 100;
            }
        }
        leaf_ = Leaf{};
    }

    void end()
    {
        end_leaf();
        if (has_signed_ && has_bad_junk_) spoil_signed();
    }

    DowngradePlan plan;

private:
    void spoil_signed()
    {
        plan.is_possible = false;
        plan.is_signed = true;
    }
    static bool has_illegal_line(const Header& header)
    {
        return std::ranges::any_of(header.fields, [](const HeaderField& field) {
            std::size_t line = 0;
            for (const char c : field.whole) {
                line = c == '\n' ? 0 : line + 1;
                if (c == '\0' || line > kMaxTextLine + 1) return true;
            }
            return false;
        });
    }
    struct Leaf {
        std::string type;
        std::string subtype;
        TransferEncoding encoding = TransferEncoding::seven_bit;
        std::uint64_t bytes = 0;
        std::uint64_t encoded = 0;  // bytes that quoted-printable would not leave as they are
        std::uint64_t line = 0;
        std::uint64_t longest = 0;
        bool eight_bit = false;
        bool nul = false;
        bool stray = false;
    };

    LeafChange decide()
    {
        const bool is_binary = leaf_.encoding == TransferEncoding::binary;
        const bool is_bad = leaf_.nul || leaf_.longest > kMaxTextLine || (is_binary && leaf_.stray) ||
                            (leaf_.eight_bit && target_ == ContentTarget::seven_bit);
        if (!is_bad) return LeafChange::keep;
        if (is_signed_) {
            // Long lines alone most servers take.
            if (leaf_.nul || (leaf_.eight_bit && target_ == ContentTarget::seven_bit)) spoil_signed();
            return LeafChange::keep;
        }
        switch (leaf_.encoding) {
        case TransferEncoding::base64: return LeafChange::recode_base64;
        case TransferEncoding::quoted_printable: return LeafChange::recode_quoted_printable;
        case TransferEncoding::unknown:
        case TransferEncoding::uuencode:
            // Another name would make other bytes of it.
            plan.is_possible = false;
            return LeafChange::keep;
        case TransferEncoding::seven_bit:
        case TransferEncoding::eight_bit:
        case TransferEncoding::binary: break;
        }
        // RFC 2046 sections 5.2.1 and 5.2.2 forbid to encode these; message/global may be (RFC 6532 section 3.5).
        const bool is_closed = leaf_.type == "message" && (leaf_.subtype == "partial" || leaf_.subtype == "rfc822");
        if (is_closed) plan.is_possible = false;
        if (leaf_.type != "text") return LeafChange::base64_bytes;
        const bool is_readable = 2 * leaf_.encoded <= leaf_.bytes / 3;
        if (is_binary) return LeafChange::base64_bytes;
        return is_readable ? LeafChange::quoted_printable : LeafChange::base64_text;
    }

    ContentTarget target_;
    Leaf leaf_;
    bool in_leaf_ = false;
    bool is_signed_ = false;     // what comes is part of something signed
    bool has_signed_ = false;
    bool has_bad_junk_ = false;
};

// A field or another line of a header, with CRLF, no stray bytes, and no line over 998.
void append_header_lines(std::string_view whole, std::string& out)
{
    bool is_first = true;
    while (!whole.empty()) {
        const std::size_t line_feed = whole.find('\n');
        std::string line(whole.substr(0, line_feed));
        whole.remove_prefix(line_feed == std::string_view::npos ? whole.size() : line_feed + 1);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        // No white space in a name: it would make the line before go on, or end the name and so make one of what was none.
        if (std::exchange(is_first, false)) std::replace(line.begin(), std::ranges::find(line, ':'), '\r', '?');
        std::ranges::replace(line, '\r', ' ');
        std::ranges::replace(line, '\0', '?');  // no space: at the end of a line it could make a delimiter
        std::string_view rest = line;
        while (rest.size() > kMaxTextLine) {
            // Where white space stands a fold changes nothing (RFC 5322 section 2.2.3).
            std::size_t at = rest.find_last_of(" \t", kMaxTextLine - 1);
            const bool is_fold = at != std::string_view::npos && at > 1 && !rest.starts_with("--") &&
                                 rest.substr(0, at).find_first_not_of(" \t") != std::string_view::npos;
            if (!is_fold) at = kFoldAt;
            out += rest.substr(0, at);
            if (rest.starts_with("--")) out += '?';  // its front alone could be a delimiter
            out += is_fold ? "\r\n" : "\r\n ";
            rest.remove_prefix(at);
        }
        out += rest;
        out += "\r\n";
    }
}

class WriterSink final : public WalkSink {
public:
    WriterSink(ContentTarget target, DowngradePlan plan) : target_(target), plan_(std::move(plan)) {}

    void header(const WalkedHeader& walked) override
    {
        end_leaf();
        line_front_.clear();
        change_ = LeafChange::keep;
        is_junk_ = walked.kind == WalkKind::multipart;
        if (walked.kind == WalkKind::leaf && next_leaf_ < plan_.leaves.size()) change_ = plan_.leaves[next_leaf_++];
        if (change_ == LeafChange::recode_base64) decoder_ = std::make_unique<TransferDecoder>(TransferEncoding::base64);
        if (change_ == LeafChange::recode_quoted_printable)
            decoder_ = std::make_unique<TransferDecoder>(TransferEncoding::quoted_printable);
        write_header(walked);
    }
    void text(std::string_view run) override
    {
        if (decoder_) return decode(run);
        if (line_front_.size() < 2) line_front_ += run.substr(0, 2 - line_front_.size());
        switch (change_) {
        case LeafChange::keep: keep(run); return;
        case LeafChange::quoted_printable: quoted_.feed(run, *out); return;
        case LeafChange::base64_text:
        case LeafChange::base64_bytes: base64_.feed(run, *out); return;
        case LeafChange::recode_quoted_printable:
        case LeafChange::recode_base64: return;
        }
    }
    void line_end(bool is_crlf) override
    {
        column_ = 0;
        line_front_.clear();
        if (decoder_) return decode(is_crlf ? "\r\n" : "\n");
        switch (change_) {
        case LeafChange::keep: *out += "\r\n"; return;
        case LeafChange::quoted_printable: quoted_.feed("\r\n", *out); return;
        case LeafChange::base64_text: base64_.feed("\r\n", *out); return;
        case LeafChange::base64_bytes: base64_.feed(is_crlf ? "\r\n" : "\n", *out); return;
        case LeafChange::recode_quoted_printable:
        case LeafChange::recode_base64: return;
        }
    }
    void delimiter(std::string_view line, bool follows_line_end, bool is_last) override
    {
        const bool is_base64 = change_ == LeafChange::base64_text || change_ == LeafChange::base64_bytes ||
                               change_ == LeafChange::recode_base64;
        end_leaf();
        // The lines of base64 end by themselves; what was recoded may have lost its last line end.
        if (follows_line_end && !(is_base64 && out->ends_with("\r\n"))) *out += "\r\n";
        *out += line;
        *out += "\r\n";
        is_junk_ = is_last;
        change_ = LeafChange::keep;
        column_ = 0;
        line_front_.clear();
    }

    void end_leaf()
    {
        if (decoder_) {
            std::string rest;
            decoder_->finish(rest);
            encode_decoded(rest);
            decoder_.reset();
        }
        quoted_.finish(*out);
        base64_.finish(*out);
        quoted_ = {};
    }
    std::string* out = nullptr;

private:
    void decode(std::string_view piece)
    {
        std::string decoded;
        decoder_->feed(piece, decoded);
        encode_decoded(decoded);
    }
    void encode_decoded(std::string_view decoded)
    {
        if (change_ == LeafChange::recode_base64) base64_.feed(decoded, *out);
        else quoted_.feed(decoded, *out);
    }
    void keep(std::string_view run)
    {
        const char for_stray = line_front_ == "--" ? '?' : ' ';  // a boundary may have a space within
        if (!is_junk_) {
            const std::size_t from = out->size();
            *out += run;
            std::replace(out->begin() + static_cast<std::ptrdiff_t>(from), out->end(), '\r', for_stray);
            return;
        }
        // A preamble or an epilogue, which nobody reads: made legal without a word.
        for (const char c : run) {
            if (column_ == kFoldAt) {
                *out += "?\r\n ";  // so that neither part of the line becomes a delimiter
                column_ = 1;
            }
            const bool is_bad = c == '\0' || (ascii::is_eight_bit(c) && target_ == ContentTarget::seven_bit);
            *out += c == '\r' ? for_stray : is_bad ? '?' : c;
            ++column_;
        }
    }

    // The encoding that the part's header must name now; empty: as it is.
    std::string_view new_encoding(const WalkedHeader& walked) const
    {
        switch (change_) {
        case LeafChange::quoted_printable:
        case LeafChange::recode_quoted_printable: return "quoted-printable";
        case LeafChange::base64_text:
        case LeafChange::base64_bytes:
        case LeafChange::recode_base64: return "base64";
        case LeafChange::keep: break;
        }
        const bool is_binary = walked.part.encoding == TransferEncoding::binary;
        const bool is_eight_bit = walked.part.encoding == TransferEncoding::eight_bit;
        if (target_ == ContentTarget::seven_bit && (is_binary || is_eight_bit)) return "7bit";
        if (is_binary) return "8bit";
        return {};
    }
    void write_header(const WalkedHeader& walked)
    {
        const std::string_view encoding = walked.is_signed ? std::string_view() : new_encoding(walked);
        bool is_named = encoding.empty();
        bool has_version = false;
        bool has_type = false;
        for (const HeaderField& field : walked.header.fields) {
            has_version = has_version || ascii::same(field.name, "MIME-Version");
            has_type = has_type || ascii::same(field.name, "Content-Type");
            const bool is_encoding = ascii::same(field.name, "Content-Transfer-Encoding");
            if (!is_encoding || encoding.empty()) {
                append_header_lines(field.whole, *out);
                continue;
            }
            if (!std::exchange(is_named, true)) append_encoding(encoding);
        }
        const bool is_encoded = change_ != LeafChange::keep;
        if (is_encoded && walked.is_message && !has_version) *out += "MIME-Version: 1.0\r\n";
        // The registered name for what nobody told the charset of.
        if (is_encoded && !has_type) *out += "Content-Type: text/plain; charset=unknown-8bit\r\n";
        if (!is_named) append_encoding(encoding);
        if (walked.has_separator) *out += "\r\n";
    }
    void append_encoding(std::string_view encoding)
    {
        *out += "Content-Transfer-Encoding: ";
        *out += encoding;
        *out += "\r\n";
    }

    ContentTarget target_;
    DowngradePlan plan_;
    std::size_t next_leaf_ = 0;
    LeafChange change_ = LeafChange::keep;
    bool is_junk_ = false;
    std::size_t column_ = 0;
    std::string line_front_;  // the first two bytes of this line
    QuotedPrintableEncoder quoted_;
    Base64Encoder base64_;
    std::unique_ptr<TransferDecoder> decoder_;
};

}  // namespace

struct DowngradeSurvey::State {
    explicit State(ContentTarget target) : sink(target), walk(sink) {}
    SurveySink sink;
    MimeWalk walk;
};

DowngradeSurvey::DowngradeSurvey(ContentTarget target) : state_(std::make_unique<State>(target)) {}
DowngradeSurvey::~DowngradeSurvey() = default;

void DowngradeSurvey::feed(std::string_view piece) { state_->walk.feed(piece); }

DowngradePlan DowngradeSurvey::finish()
{
    state_->walk.finish();
    state_->sink.end();
    if (state_->walk.over_limits()) state_->sink.plan.is_possible = false;
    return std::move(state_->sink.plan);
}

struct Downgrader::State {
    State(ContentTarget target, DowngradePlan plan) : sink(target, std::move(plan)), walk(sink) {}
    WriterSink sink;
    MimeWalk walk;
};

Downgrader::Downgrader(ContentTarget target, DowngradePlan plan)
    : state_(std::make_unique<State>(target, std::move(plan)))
{
}
Downgrader::~Downgrader() = default;

void Downgrader::feed(std::string_view piece, std::string& out)
{
    state_->sink.out = &out;
    state_->walk.feed(piece);
}

void Downgrader::finish(std::string& out)
{
    state_->sink.out = &out;
    state_->walk.finish();
    state_->sink.end_leaf();
}

std::unique_ptr<std::string> downgrade(std::string_view message, ContentTarget target)
{
    DowngradeSurvey survey(target);
    survey.feed(message);
    DowngradePlan plan = survey.finish();
    if (!plan.is_possible) return nullptr;
    Downgrader writer(target, std::move(plan));
    auto result = std::make_unique<std::string>();
    writer.feed(message, *result);
    writer.finish(*result);
    return result;
}

}  // namespace mbx::mail
