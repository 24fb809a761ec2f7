#include "store/stored_bytes.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace mbx::store {

namespace {

// Below this reading is cheaper than mapping, and a file that shrinks under us is a short read, not a fault.
constexpr std::uint64_t kMapFrom = 256 * 1024;
constexpr std::size_t kPiece = 64 * 1024;

class MemoryMessage final : public MessageFile {
public:
    explicit MemoryMessage(std::string bytes) : bytes_(std::move(bytes)) {}
    std::string_view bytes() const override { return bytes_; }

private:
    std::string bytes_;
};

class MappedMessage final : public MessageFile {
public:
    MappedMessage(void* address, std::size_t size) : address_(address), size_(size) {}
    MappedMessage(const MappedMessage&) = delete;
    MappedMessage& operator=(const MappedMessage&) = delete;
    ~MappedMessage() override { ::munmap(address_, size_); }
    std::string_view bytes() const override { return {static_cast<const char*>(address_), size_}; }

private:
    void* address_;
    std::size_t size_;
};

// Gives every LF without a CR before it one. Keeps state over pieces.
class LineEnds {
public:
    template <typename Take>
    void feed(std::string_view piece, Take take)
    {
        while (!piece.empty()) {
            const auto at = piece.find('\n');
            const auto line = piece.substr(0, at);
            if (!line.empty()) last_is_cr_ = line.back() == '\r';
            take(line);
            if (at == std::string_view::npos) return;
            take(last_is_cr_ ? std::string_view("\n") : std::string_view("\r\n"));
            last_is_cr_ = false;
            piece.remove_prefix(at + 1);
        }
    }

private:
    bool last_is_cr_ = false;
};

template <typename Take>
Result<void, FileError> read_pieces(File& file, Take take)
{
    std::string piece(kPiece, '\0');
    std::uint64_t offset = 0;
    while (true) {
        const auto got = file.read_at(offset, piece.data(), piece.size());
        if (!got) return got.error();
        take(std::string_view(piece).substr(0, *got));
        offset += *got;
        if (*got < piece.size()) return {};
    }
}

Result<MessageFilePtr, FileError> map_whole(File& file, std::uint64_t size)
{
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
    if (address == MAP_FAILED) return FileError{errno};
    return MessageFilePtr(std::make_shared<MappedMessage>(address, size));
}

}  // namespace

Result<std::uint64_t, FileError> wire_size(File& file)
{
    std::uint64_t size = 0;
    LineEnds ends;
    const auto add = [&size](std::string_view text) { size += text.size(); };
    const auto read = read_pieces(file, [&](std::string_view piece) { ends.feed(piece, add); });
    if (!read) return read.error();
    return size;
}

Result<MessageFilePtr, FileError> load_message(std::unique_ptr<File> file, std::uint64_t size)
{
    const auto info = file->info();
    if (!info) return info.error();
    if (info->kind != FileKind::regular || info->size > size) return MessageFilePtr();
    if (info->size == size && size >= kMapFrom) return map_whole(*file, size);

    std::string bytes;
    if (info->size == size) {
        bytes.resize(size);
        const auto got = file->read_at(0, bytes.data(), size);
        if (!got) return got.error();
        bytes.resize(*got);
    } else {
        bytes.reserve(size);
        LineEnds ends;
        const auto put = [&bytes](std::string_view text) { bytes += text; };
        const auto read = read_pieces(*file, [&](std::string_view piece) { ends.feed(piece, put); });
        if (!read) return read.error();
    }
    if (bytes.size() != size) return MessageFilePtr();
    return MessageFilePtr(std::make_shared<MemoryMessage>(std::move(bytes)));
}

}  // namespace mbx::store
