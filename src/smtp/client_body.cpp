#include "smtp/client_body.hpp"

#include <algorithm>
#include <utility>

namespace mbx::smtp {

namespace {

constexpr std::size_t kMemoryPiece = std::size_t{64} * 1024;
constexpr std::size_t kFilePiece = std::size_t{256} * 1024;
constexpr std::size_t kScannedHere = std::size_t{128} * 1024;  // some 30 microseconds

}  // namespace

MessageSource::MessageSource(net::Workers& workers, FileSystem& files, const queue::Outgoing& outgoing)
    : workers_(workers), files_(files), outgoing_(outgoing)
{
}

std::string_view MessageSource::in_memory() const
{
    const std::string_view all = *outgoing_.bytes;
    return all.substr(std::min<std::uint64_t>(outgoing_.envelope->kept_back, all.size()));
}

Result<void, FileError> MessageSource::open()
{
    if (outgoing_.bytes || file_) return {};
    auto opened = files_.open_read(outgoing_.path);
    if (!opened) return opened.error();
    file_ = std::move(*opened);
    return {};
}

template <typename Take> Result<void, FileError> MessageSource::read_all(Take& take)
{
    if (!outgoing_.envelope->fields.empty()) take.feed(outgoing_.envelope->fields);
    if (outgoing_.bytes) {
        take.feed(in_memory());
        return {};
    }
    const auto opened = open();
    if (!opened) return opened.error();
    std::string piece(kFilePiece, '\0');
    for (std::uint64_t at = outgoing_.envelope->kept_back;;) {
        const auto count = file_->read_at(at, piece.data(), piece.size());
        if (!count) return count.error();
        take.feed(std::string_view(piece).substr(0, *count));
        at += *count;
        if (*count < piece.size()) return {};
    }
}

co::Task<Result<mail::ContentFacts, FileError>> MessageSource::scan()
{
    mail::ContentScan scan;
    if (outgoing_.bytes && outgoing_.envelope->fields.size() + outgoing_.bytes->size() <= kScannedHere) {
        (void)read_all(scan);
        co_return scan.facts();
    }
    auto job = [this, &scan] { return read_all(scan); };
    const auto read = co_await workers_.run(net::WorkClass::delivery, std::move(job));
    if (!read) co_return read.error();
    co_return scan.facts();
}

co::Task<Result<mail::DowngradePlan, FileError>> MessageSource::survey(mail::ContentTarget target)
{
    mail::DowngradeSurvey survey(target);
    auto job = [this, &survey] { return read_all(survey); };
    const auto read = co_await workers_.run(net::WorkClass::delivery, std::move(job));
    if (!read) co_return read.error();
    co_return survey.finish();
}

co::Task<Result<std::string_view, FileError>> MessageSource::next()
{
    const std::string_view fields = outgoing_.envelope->fields;
    if (std::exchange(is_before_fields_, false) && !fields.empty()) co_return fields;
    if (outgoing_.bytes) {
        const std::string_view all = *outgoing_.bytes;
        const std::string_view found = all.substr(std::min<std::uint64_t>(at_, all.size()), kMemoryPiece);
        at_ += found.size();
        co_return found;
    }
    piece_.resize(kFilePiece);
    auto job = [this] { return file_->read_at(at_, piece_.data(), piece_.size()); };
    const auto count = co_await workers_.run(net::WorkClass::delivery, std::move(job));
    if (!count) co_return count.error();
    piece_.resize(*count);
    at_ += *count;
    co_return std::string_view(piece_);
}

}  // namespace mbx::smtp
