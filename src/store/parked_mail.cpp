#include "store/parked_mail.hpp"

#include <cerrno>
#include <charconv>
#include <utility>

namespace mbx::store {

namespace {

constexpr std::string_view kParkedStem = "parked-";
constexpr std::string_view kDoneStem = "done-";
constexpr std::uint32_t kParkedDirectoryMode = 0700;
constexpr std::uint32_t kParkedFileMode = 0600;
constexpr std::size_t kFrameHead = 16;  // length, CRC, number
constexpr std::size_t kMaxParkedFile = 1U << 30U;

template <typename Number>
void put_number(std::string& into, Number number)
{
    for (std::size_t byte = 0; byte < sizeof(Number); ++byte) into += static_cast<char>(number >> (8 * byte) & 0xffU);
}

template <typename Number>
Number take_number(std::string_view bytes)
{
    Number number = 0;
    for (std::size_t byte = 0; byte < sizeof(Number); ++byte) {
        number |= static_cast<Number>(static_cast<Number>(static_cast<unsigned char>(bytes[byte])) << (8 * byte));
    }
    return number;
}

std::string hex_of(Lsn lsn)
{
    char text[2 * sizeof(Lsn)];
    const auto end = std::to_chars(text, text + sizeof text, lsn, 16).ptr;
    return {text, end};
}

std::optional<Lsn> number_of_name(std::string_view name)
{
    Lsn lsn = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), lsn, 16);
    if (error != std::errc() || (end != name.data() + name.size() && *end != '-')) return std::nullopt;
    return lsn;
}

const AccountKey* key_of(const JournalRecord& record)
{
    if (const auto* accepted = std::get_if<AcceptedRecord>(&record)) {
        return accepted->recipients.size() == 1 ? accepted->recipients.data() : nullptr;
    }
    if (const auto* placed = std::get_if<PlacedRecord>(&record)) return &placed->account;
    if (const auto* flags = std::get_if<FlagsRecord>(&record)) return &flags->account;
    if (const auto* expunged = std::get_if<ExpungedRecord>(&record)) return &expunged->account;
    return nullptr;
}

}  // namespace

std::string format_parked_frame(Lsn lsn, std::string_view payload)
{
    std::string number;
    put_number<std::uint64_t>(number, lsn);
    std::string frame;
    frame.reserve(kFrameHead + payload.size());
    put_number<std::uint32_t>(frame, static_cast<std::uint32_t>(payload.size()));
    put_number<std::uint32_t>(frame, crc32c(payload, crc32c(number)));
    frame += number;
    frame += payload;
    return frame;
}

ParkedFrames parse_parked(std::string_view bytes)
{
    ParkedFrames found;
    if (!bytes.starts_with(kParkedHead)) return found;
    std::size_t at = kParkedHead.size();
    while (at < bytes.size()) {
        const std::string_view rest = bytes.substr(at);
        if (rest.size() < kFrameHead) return found;
        const auto length = take_number<std::uint32_t>(rest);
        const auto crc = take_number<std::uint32_t>(rest.substr(4));
        if (length > rest.size() - kFrameHead) return found;
        const std::string_view number = rest.substr(8, 8);
        if (crc32c(rest.substr(kFrameHead, length), crc32c(number)) != crc) return found;
        found.frames.push_back({take_number<std::uint64_t>(number), at + kFrameHead, length});
        at += kFrameHead + length;
    }
    found.is_whole = true;
    return found;
}

Result<void, FileError> ParkedMail::make_directory()
{
    const auto made = files_.make_directory(directory_, kParkedDirectoryMode);
    if (!made && made.error().code == EEXIST) return {};
    if (!made) return made;
    const auto slash = directory_.rfind('/');
    return files_.sync_directory(slash == std::string::npos ? "." : directory_.substr(0, slash));
}

std::optional<ParkedFile> ParkedMail::read(const std::string& path) const
{
    const auto bytes = read_whole(files_, path, kMaxParkedFile);
    if (!bytes) return std::nullopt;
    const auto parsed = parse_parked(*bytes);
    if (!parsed.is_whole || parsed.frames.empty()) return std::nullopt;
    ParkedFile file;
    file.path = path;
    for (const auto& frame : parsed.frames) {
        const auto payload = std::string_view(*bytes).substr(frame.offset, frame.length);
        auto decoded = decode(payload);
        if (!decoded) return std::nullopt;
        const AccountKey* key = key_of(decoded->record);
        if (key == nullptr) return std::nullopt;
        file.key = *key;
        const auto body_offset = static_cast<std::uint32_t>(payload.size() - decoded->body.size());
        file.records.push_back({frame.lsn, std::move(decoded->record), {0, frame.offset, frame.length}, body_offset});
    }
    return file;
}

Result<ParkedMail::Found, FileError> ParkedMail::load(Lsn checkpoint)
{
    Found found;
    const auto entries = files_.list(directory_);
    if (!entries && entries.error().is_absent()) return found;
    if (!entries) return entries.error();
    for (const auto& entry : *entries) {
        const std::string path = directory_ + "/" + entry.name;
        const bool is_done = entry.name.starts_with(kDoneStem);
        const std::string_view stem = is_done ? kDoneStem : kParkedStem;
        const auto number = entry.name.starts_with(stem)
                                ? number_of_name(std::string_view(entry.name).substr(stem.size())) : std::nullopt;
        if (!number) {
            // Half written: it was never relied upon.
            if (entry.kind == FileKind::regular && entry.name.starts_with(".")) (void)files_.unlink(path);
            continue;
        }
        if (is_done && *number <= checkpoint) {
            (void)files_.unlink(path);
            continue;
        }
        auto file = read(path);
        if (!file) {
            found.damaged.push_back(path);
            continue;
        }
        if (is_done) file->done = *number;
        found.files.push_back(*std::move(file));
    }
    return found;
}

Result<ParkedFile, FileError> ParkedMail::park(const AccountKey& key, const std::vector<ReplayRecord>& records,
                                               const Body& body)
{
    if (auto done = make_directory(); !done) return done.error();
    const std::string stem = hex_of(records.front().lsn) + "-" + std::to_string(key.id) + "-" +
                             hex_of(crc32c(key.local_part + "@" + key.domain)) + "-";
    // Never the name of one that is there: what was parked before stays until its messages stand in this one.
    int n = 1;
    const auto path_of = [&] { return directory_ + "/" + std::string(kParkedStem) + stem + std::to_string(n); };
    while (files_.info(path_of())) ++n;
    const std::string name = stem + std::to_string(n);
    ParkedFile parked;
    parked.path = path_of();
    parked.key = key;
    const std::string staged = directory_ + "/." + name;
    (void)files_.unlink(staged);
    auto file = files_.create(staged, kParkedFileMode);
    if (!file) return file.error();
    std::uint64_t at = kParkedHead.size();
    auto written = (*file)->append(kParkedHead);
    for (const auto& record : records) {
        if (!written) break;
        std::string payload = encode(record.record);
        const auto body_offset = static_cast<std::uint32_t>(payload.size());
        const auto bytes = body(record);
        if (!bytes) return bytes.error();
        payload += *bytes;
        written = (*file)->append(format_parked_frame(record.lsn, payload));
        const auto length = static_cast<std::uint32_t>(payload.size());
        parked.records.push_back({record.lsn, record.record, {0, at + kFrameHead, length}, body_offset});
        at += kFrameHead + length;
    }
    if (written) written = (*file)->sync_data();
    if (written) written = files_.rename(staged, parked.path);
    if (written) written = files_.sync_directory(directory_);
    if (!written) {
        (void)files_.unlink(staged);
        return written.error();
    }
    return parked;
}

Result<std::string, FileError> ParkedMail::body(const ParkedFile& file, const ReplayRecord& record) const
{
    auto opened = files_.open_read(file.path);
    if (!opened) return opened.error();
    std::string bytes(record.location.length - record.body_offset, '\0');
    const auto got = (*opened)->read_at(record.location.offset + record.body_offset, bytes.data(), bytes.size());
    if (!got) return got.error();
    if (*got != bytes.size()) return FileError{EIO};
    return bytes;
}

Result<void, FileError> ParkedMail::mark_done(ParkedFile& file, Lsn lsn)
{
    const auto slash = file.path.rfind('/');
    const std::string name = file.path.substr(slash + 1 + kParkedStem.size());
    const std::string done = directory_ + "/" + std::string(kDoneStem) + hex_of(lsn) + "-" + name;
    if (auto renamed = files_.rename(file.path, done); !renamed) return renamed;
    file.path = done;
    file.done = lsn;
    return files_.sync_directory(directory_);
}

Result<void, FileError> ParkedMail::remove(const ParkedFile& file) { return files_.unlink(file.path); }

}  // namespace mbx::store
