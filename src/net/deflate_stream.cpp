#include "net/deflate_stream.hpp"

#include <zlib.h>

#include <algorithm>
#include <utility>

namespace mbx::net {
namespace {

// Raw DEFLATE: a negative window. What a client refers to may lie 32 KiB back; what we refer to is our choice.
constexpr int kInflateWindow = -15;
constexpr int kDeflateWindow = -13;
constexpr int kDeflateMemory = 6;
// Bytes of one write that are compressed before the network has its turn.
constexpr std::size_t kPieceIn = std::size_t{32} * 1024;
constexpr std::size_t kPieceOut = std::size_t{16} * 1024;

// zlib reads through pointers that are not const, without ZLIB_CONST, which every file of a unity batch would need.
Bytef* zlib_bytes(const char* bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes)); }

}  // namespace

class DeflateStream::Inflater {
public:
    enum class Progress : std::uint8_t { going_on, ended, damaged };

    explicit Inflater(const std::string& history)
    {
        is_ready_ = inflateInit2(&z_, kInflateWindow) == Z_OK;
        if (!is_ready_ || history.empty()) return;
        is_ready_ = inflateSetDictionary(&z_, zlib_bytes(history.data()), static_cast<uInt>(history.size())) == Z_OK;
    }
    ~Inflater() { (void)inflateEnd(&z_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    Progress run(std::string_view from, std::span<char> into, std::size_t& taken, std::size_t& given)
    {
        if (!is_ready_) return Progress::damaged;
        z_.next_in = zlib_bytes(from.data());
        z_.avail_in = static_cast<uInt>(from.size());
        z_.next_out = reinterpret_cast<Bytef*>(into.data());
        z_.avail_out = static_cast<uInt>(std::min<std::size_t>(into.size(), kPieceIn));
        const uInt room = z_.avail_out;
        const int code = inflate(&z_, Z_SYNC_FLUSH);
        taken = from.size() - z_.avail_in;
        given = room - z_.avail_out;
        // Between two blocks, at the border of a byte (zlib.h on data_type); a call that did nothing does not say.
        if (taken != 0 || given != 0) is_between_blocks_ = z_.data_type == 128;
        if (code == Z_STREAM_END) return Progress::ended;
        // Z_BUF_ERROR: nothing could be done, for want of input.
        return code == Z_OK || code == Z_BUF_ERROR ? Progress::going_on : Progress::damaged;
    }
    // All that the future refers to is the history then.
    bool is_between_blocks() const { return is_between_blocks_; }
    std::string history()
    {
        uInt size = 0;
        if (inflateGetDictionary(&z_, nullptr, &size) != Z_OK) return {};
        std::string all(size, '\0');
        (void)inflateGetDictionary(&z_, reinterpret_cast<Bytef*>(all.data()), &size);
        return all;
    }

private:
    z_stream z_{};
    bool is_ready_ = false;
    bool is_between_blocks_ = false;
};

class DeflateStream::Deflater {
public:
    Deflater()
    {
        is_ready_ = deflateInit2(&z_, Z_BEST_SPEED, Z_DEFLATED, kDeflateWindow, kDeflateMemory, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    ~Deflater() { (void)deflateEnd(&z_); }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    bool is_ready() const { return is_ready_; }

    void take(std::string_view bytes)
    {
        z_.next_in = zlib_bytes(bytes.data());
        z_.avail_in = static_cast<uInt>(bytes.size());
    }
    // Some of the output; with `flush` all of it has come when less than the room was used. False: broken.
    bool give(std::string& into, bool flush)
    {
        into.resize(kPieceOut);
        z_.next_out = reinterpret_cast<Bytef*>(into.data());
        z_.avail_out = static_cast<uInt>(into.size());
        const int code = deflate(&z_, flush ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        into.resize(into.size() - z_.avail_out);
        return code == Z_OK || code == Z_BUF_ERROR;
    }
    bool is_filled() const { return z_.avail_out == 0; }

private:
    z_stream z_{};
    bool is_ready_ = false;
};

DeflateStream::DeflateStream(std::unique_ptr<ByteStream> inner, std::string first)
    : inner_(std::move(inner)), input_(std::move(first))
{
}

DeflateStream::~DeflateStream() = default;

bool DeflateStream::is_resting() const { return !inflater_ && !deflater_; }

void DeflateStream::rest()
{
    if (!is_writing_) deflater_.reset();
    if (!inflater_ || !inflater_->is_between_blocks()) return;
    history_ = inflater_->history();
    inflater_.reset();
    std::string().swap(input_);
}

co::Task<Result<void, IoError>> DeflateStream::fetch(Deadline deadline)
{
    taken_ = 0;
    const auto soon = std::min(deadline.at, Deadline::after(kRestAfter).at);
    Deadline until = is_resting() ? deadline : Deadline{soon};
    while (true) {
        input_.resize(is_resting() ? 512 : kMostInput);
        const std::span<char> into(input_);
        const Result<std::size_t, IoError> got = co_await inner_->read_some(into, until);
        input_.resize(got ? *got : 0);
        if (got) {
            is_ended_ = *got == 0;
            co_return Result<void, IoError>();
        }
        const bool is_quiet = got.error() == IoError::timed_out && until.at < deadline.at;
        if (!is_quiet) co_return got.error();
        rest();
        until = deadline;
    }
}

co::Task<Result<std::size_t, IoError>> DeflateStream::read_some(std::span<char> into, Deadline deadline)
{
    while (true) {
        if (taken_ == input_.size() && is_ended_) co_return std::size_t{0};
        if (!inflater_ && taken_ < input_.size()) {
            inflater_ = std::make_unique<Inflater>(history_);
            std::string().swap(history_);
        }
        if (inflater_) {
            // Also without input: what did not fit into the last read waits inside.
            std::size_t taken = 0;
            std::size_t given = 0;
            const std::string_view rest = std::string_view(input_).substr(taken_);
            const Inflater::Progress progress = inflater_->run(rest, into, taken, given);
            taken_ += taken;
            // What stands before the damage is still handed out, so that it does not depend on how the bytes were cut.
            if (progress == Inflater::Progress::damaged && given == 0) co_return IoError::failed;
            if (progress == Inflater::Progress::ended) {
                is_ended_ = true;
                taken_ = input_.size();
            }
            if (given != 0) co_return given;
            if (taken_ < input_.size()) continue;
        }
        if (is_ended_) continue;
        const Result<void, IoError> fetched = co_await fetch(deadline);
        if (!fetched) co_return fetched.error();
    }
}

co::Task<Result<void, IoError>> DeflateStream::write(std::string_view bytes, Deadline deadline)
{
    if (bytes.empty()) co_return Result<void, IoError>();
    is_writing_ = true;
    if (!deflater_) deflater_ = std::make_unique<Deflater>();
    Result<void, IoError> done = deflater_->is_ready() ? Result<void, IoError>() : Result<void, IoError>(IoError::exhausted);
    std::string out;
    while (done && !bytes.empty()) {
        const std::string_view piece = bytes.substr(0, kPieceIn);
        bytes.remove_prefix(piece.size());
        deflater_->take(piece);
        do {
            if (!deflater_->give(out, bytes.empty())) {
                done = IoError::failed;
            } else if (!out.empty()) {
                done = co_await inner_->write(out, deadline);
            }
        } while (done && deflater_->is_filled());
    }
    is_writing_ = false;
    co_return done;
}

}  // namespace mbx::net
