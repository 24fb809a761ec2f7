#include "mail/charset.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/ascii.hpp"
#include "mail/charset_tables.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::size_t kMaxCharsetName = 40;  // HOSTILE row D7: a name of 2 MB is no name

enum class Converter { utf8, ascii, table, iconv, utf16, utf32, none };

struct Charset {
    Converter converter = Converter::none;
    const HighHalf* table = nullptr;
    const char* iconv_name = nullptr;
    std::size_t unit = 1;  // bytes to skip where iconv finds no character
};

struct Named {
    std::string_view label;  // lower case
    Charset charset;
};

constexpr Charset by_iconv(const char* name, std::size_t unit = 1) { return {Converter::iconv, nullptr, name, unit}; }
constexpr Charset by_table(const HighHalf& table) { return {Converter::table, &table, nullptr, 1}; }

// What may be asked for. A label that is not here is an unknown charset, whatever iconv knows: UTF-7 and
// ISO-2022-CN-EXT are left out on purpose.
const std::array<Named, 92> kCharsets{{
    {"utf-8", {Converter::utf8, nullptr, nullptr, 1}},
    {"utf8", {Converter::utf8, nullptr, nullptr, 1}},
    {"us-ascii", {Converter::ascii, nullptr, nullptr, 1}},
    {"ascii", {Converter::ascii, nullptr, nullptr, 1}},
    {"ansi_x3.4-1968", {Converter::ascii, nullptr, nullptr, 1}},
    {"iso646-us", {Converter::ascii, nullptr, nullptr, 1}},
    {"windows-1251", by_table(kWindows1251)},
    {"cp1251", by_table(kWindows1251)},
    {"windows-1252", by_table(kWindows1252)},
    {"cp1252", by_table(kWindows1252)},
    {"iso-8859-1", by_table(kWindows1252)},
    {"iso8859-1", by_table(kWindows1252)},
    {"iso_8859-1", by_table(kWindows1252)},
    {"latin1", by_table(kWindows1252)},
    {"latin-1", by_table(kWindows1252)},
    {"koi8-r", by_table(kKoi8R)},
    {"koi8r", by_table(kKoi8R)},
    {"utf-16", {Converter::utf16, nullptr, nullptr, 2}},
    {"utf-16be", by_iconv("UTF-16BE", 2)},
    {"utf-16le", by_iconv("UTF-16LE", 2)},
    {"utf-32", {Converter::utf32, nullptr, nullptr, 4}},
    {"utf-32be", by_iconv("UTF-32BE", 4)},
    {"utf-32le", by_iconv("UTF-32LE", 4)},
    {"koi8-u", by_iconv("KOI8-U")},
    {"koi8u", by_iconv("KOI8-U")},
    {"koi8-ru", by_iconv("KOI8-RU")},
    {"ibm866", by_iconv("IBM866")},
    {"cp866", by_iconv("IBM866")},
    {"866", by_iconv("IBM866")},
    {"ibm437", by_iconv("IBM437")},
    {"cp437", by_iconv("IBM437")},
    {"ibm850", by_iconv("IBM850")},
    {"cp850", by_iconv("IBM850")},
    {"ibm852", by_iconv("IBM852")},
    {"cp852", by_iconv("IBM852")},
    {"ibm855", by_iconv("IBM855")},
    {"cp855", by_iconv("IBM855")},
    {"iso-8859-2", by_iconv("ISO-8859-2")},
    {"latin2", by_iconv("ISO-8859-2")},
    {"iso-8859-3", by_iconv("ISO-8859-3")},
    {"iso-8859-4", by_iconv("ISO-8859-4")},
    {"iso-8859-5", by_iconv("ISO-8859-5")},
    {"iso-8859-6", by_iconv("ISO-8859-6")},
    {"iso-8859-7", by_iconv("ISO-8859-7")},
    {"iso-8859-8", by_iconv("ISO-8859-8")},
    {"iso-8859-8-i", by_iconv("ISO-8859-8")},
    {"iso-8859-9", by_iconv("ISO-8859-9")},
    {"iso-8859-10", by_iconv("ISO-8859-10")},
    {"iso-8859-11", by_iconv("ISO-8859-11")},
    {"iso-8859-13", by_iconv("ISO-8859-13")},
    {"iso-8859-14", by_iconv("ISO-8859-14")},
    {"iso-8859-15", by_iconv("ISO-8859-15")},
    {"latin9", by_iconv("ISO-8859-15")},
    {"iso-8859-16", by_iconv("ISO-8859-16")},
    {"windows-1250", by_iconv("WINDOWS-1250")},
    {"cp1250", by_iconv("WINDOWS-1250")},
    {"windows-1253", by_iconv("WINDOWS-1253")},
    {"windows-1254", by_iconv("WINDOWS-1254")},
    {"windows-1255", by_iconv("WINDOWS-1255")},
    {"windows-1256", by_iconv("WINDOWS-1256")},
    {"windows-1257", by_iconv("WINDOWS-1257")},
    {"windows-1258", by_iconv("WINDOWS-1258")},
    {"windows-874", by_iconv("CP874")},
    {"tis-620", by_iconv("TIS-620")},
    {"macintosh", by_iconv("MACINTOSH")},
    {"x-mac-cyrillic", by_iconv("MAC-CYRILLIC")},
    {"iso-2022-jp", by_iconv("ISO-2022-JP")},
    {"iso-2022-jp-1", by_iconv("ISO-2022-JP-1")},
    {"iso-2022-jp-2", by_iconv("ISO-2022-JP-2")},
    {"euc-jp", by_iconv("EUC-JP")},
    {"shift_jis", by_iconv("CP932")},
    {"shift-jis", by_iconv("CP932")},
    {"sjis", by_iconv("CP932")},
    {"x-sjis", by_iconv("CP932")},
    {"cp932", by_iconv("CP932")},
    {"windows-31j", by_iconv("CP932")},
    {"iso-2022-kr", by_iconv("ISO-2022-KR")},
    {"euc-kr", by_iconv("CP949")},
    {"ks_c_5601-1987", by_iconv("CP949")},
    {"ksc5601", by_iconv("CP949")},
    {"cp949", by_iconv("CP949")},
    {"windows-949", by_iconv("CP949")},
    {"big5", by_iconv("BIG5")},
    {"big5-hkscs", by_iconv("BIG5-HKSCS")},
    {"cp950", by_iconv("CP950")},
    {"euc-tw", by_iconv("EUC-TW")},
    {"gb2312", by_iconv("GBK")},
    {"gbk", by_iconv("GBK")},
    {"cp936", by_iconv("GBK")},
    {"x-gbk", by_iconv("GBK")},
    {"gb18030", by_iconv("GB18030")},
    {"euc-cn", by_iconv("GBK")},
}};

Charset find_charset(std::string_view label)
{
    label = ascii::trim(label);
    if (label.empty()) return {Converter::ascii, nullptr, nullptr, 1};
    if (label.size() > kMaxCharsetName) return {};
    const auto found =
        std::ranges::find_if(kCharsets, [&](const Named& named) { return ascii::same(named.label, label); });
    return found == kCharsets.end() ? Charset{} : found->charset;
}

// Takes characters until the bound is met.
class Output {
public:
    Output(Utf8Text& into, std::size_t most) : into_(into), most_(most) {}
    bool add(std::string_view character)
    {
        if (into_.text.size() + character.size() > most_) into_.cut = true;
        else into_.text += character;
        return !into_.cut;
    }
    // Characters of one byte each, as many as fit.
    bool add_run(std::string_view run)
    {
        const std::size_t room = most_ - std::min(most_, into_.text.size());
        into_.text += run.substr(0, room);
        if (run.size() > room) into_.cut = true;
        return !into_.cut;
    }
    bool add_replacement()
    {
        into_.has_replaced = true;
        return add(kReplacement);
    }
    bool is_full() const { return into_.cut; }

private:
    Utf8Text& into_;
    std::size_t most_;
};

std::size_t ascii_run(std::string_view bytes)
{
    std::size_t size = 0;
    while (size < bytes.size() && !ascii::is_eight_bit(bytes[size])) ++size;
    return size;
}

void copy_utf8(std::string_view bytes, Output& out)
{
    while (!bytes.empty()) {
        if (const std::size_t run = ascii_run(bytes); run != 0) {
            if (!out.add_run(bytes.substr(0, run))) return;
            bytes.remove_prefix(run);
            continue;
        }
        const Utf8Character next = first_character(bytes);
        const bool goes_on = next.is_good ? out.add(bytes.substr(0, next.size)) : out.add_replacement();
        if (!goes_on) return;
        bytes.remove_prefix(next.size);
    }
}

void copy_ascii(std::string_view bytes, Output& out)
{
    while (!bytes.empty()) {
        const std::size_t run = ascii_run(bytes);
        const bool goes_on = run != 0 ? out.add_run(bytes.substr(0, run)) : out.add_replacement();
        if (!goes_on) return;
        bytes.remove_prefix(std::max<std::size_t>(run, 1));
    }
}

void copy_by_table(std::string_view bytes, const HighHalf& table, Output& out)
{
    std::string character;
    for (const char& c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        const std::uint32_t code = byte < 0x80 ? byte : table[byte - 0x80U];
        character.clear();
        append_character(character, code);
        if (!(code == 0xfffd ? out.add_replacement() : out.add(character))) return;
    }
}

class Iconv {
public:
    explicit Iconv(const char* from) : handle_(::iconv_open("UTF-8", from)) {}
    ~Iconv()
    {
        if (is_open()) ::iconv_close(handle_);
    }
    Iconv(const Iconv&) = delete;
    Iconv& operator=(const Iconv&) = delete;
    bool is_open() const { return handle_ != invalid(); }

    // Converts what it can; errno as iconv() left it, 0 when all went.
    int convert(std::string_view& bytes, Output& out)
    {
        std::array<char, 4096> room{};
        char* to = room.data();
        std::size_t left = room.size();
        char* from = const_cast<char*>(bytes.data());  // iconv's signature is older than const; it does not write
        std::size_t size = bytes.size();
        const bool flushes = bytes.empty();
        const std::size_t done = ::iconv(handle_, flushes ? nullptr : &from, flushes ? nullptr : &size, &to, &left);
        const int failure = done == static_cast<std::size_t>(-1) ? errno : 0;
        bytes.remove_prefix(bytes.size() - size);
        copy_utf8({room.data(), room.size() - left}, out);
        return failure;
    }

private:
    static iconv_t invalid() { return reinterpret_cast<iconv_t>(-1); }
    iconv_t handle_;
};

bool copy_by_iconv(std::string_view bytes, const char* name, std::size_t unit, Output& out)
{
    Iconv iconv(name);
    if (!iconv.is_open()) return false;
    while (!bytes.empty() && !out.is_full()) {
        const int failure = iconv.convert(bytes, out);
        if (failure == 0 || failure == E2BIG) continue;
        (void)out.add_replacement();
        if (failure == EINVAL) bytes = {};  // a character that the end cut off
        else bytes.remove_prefix(std::min(unit, bytes.size()));
    }
    std::string_view nothing;
    if (!out.is_full()) (void)iconv.convert(nothing, out);
    return true;
}

bool copy_utf16(std::string_view bytes, Output& out)
{
    const bool is_little = bytes.starts_with("\xff\xfe");
    if (is_little || bytes.starts_with("\xfe\xff")) bytes.remove_prefix(2);
    return copy_by_iconv(bytes, is_little ? "UTF-16LE" : "UTF-16BE", 2, out);
}

bool copy_utf32(std::string_view bytes, Output& out)
{
    using namespace std::string_view_literals;
    const bool is_little = bytes.starts_with("\xff\xfe\0\0"sv);
    if (is_little || bytes.starts_with("\0\0\xfe\xff"sv)) bytes.remove_prefix(4);
    return copy_by_iconv(bytes, is_little ? "UTF-32LE" : "UTF-32BE", 4, out);
}

// No: this machine has no such converter after all.
bool copy(std::string_view bytes, const Charset& charset, Output& out)
{
    switch (charset.converter) {
    case Converter::utf8: copy_utf8(bytes, out); return true;
    case Converter::table: copy_by_table(bytes, *charset.table, out); return true;
    case Converter::iconv: return copy_by_iconv(bytes, charset.iconv_name, charset.unit, out);
    case Converter::utf16: return copy_utf16(bytes, out);
    case Converter::utf32: return copy_utf32(bytes, out);
    case Converter::ascii:
    case Converter::none: break;
    }
    if (ascii::is_utf8(bytes)) copy_utf8(bytes, out);
    else copy_ascii(bytes, out);
    return charset.converter == Converter::ascii;
}

}  // namespace

Utf8Text to_utf8(std::string_view bytes, std::string_view charset, std::size_t most)
{
    Utf8Text result;
    const Charset known = find_charset(charset);
    Output out(result, most);
    result.known_charset = copy(bytes, known, out);
    if (!result.known_charset && known.converter != Converter::none) (void)copy(bytes, Charset{}, out);
    return result;
}

bool is_known_charset(std::string_view charset) { return find_charset(charset).converter != Converter::none; }

std::string repair_utf8(std::string_view bytes)
{
    if (ascii::is_utf8(bytes)) return std::string(bytes);
    Utf8Text result;
    Output out(result, SIZE_MAX);
    copy_utf8(bytes, out);
    return std::move(result.text);
}

std::string strip_controls(std::string_view utf8)
{
    std::string out;
    out.reserve(utf8.size());
    const auto is_shown = [](char c) { return c >= ' ' && c <= '~'; };
    while (!utf8.empty()) {
        const auto run = static_cast<std::size_t>(std::ranges::find_if_not(utf8, is_shown) - utf8.begin());
        out += utf8.substr(0, run);
        utf8.remove_prefix(run);
        if (utf8.empty()) break;
        const Utf8Character next = first_character(utf8);
        const bool is_space = next.code == '\t' || next.code == '\n' || next.code == '\r';
        const bool is_control = next.code < 0x20 || (next.code >= 0x7f && next.code < 0xa0);
        if (is_space) out += ' ';
        else if (!is_control) out += utf8.substr(0, next.size);
        utf8.remove_prefix(next.size);
    }
    return out;
}

}  // namespace mbx::mail
