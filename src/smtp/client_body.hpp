// The bytes of a message on its way out, from memory or from its file in pieces: reading happens on the workers, and never
// is more of a file in memory than a piece. What the envelope keeps back at the front is not among them; the fields that it
// puts in front are. Loop thread. One call at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.hpp"
#include "base/result.hpp"
#include "mail/downgrade.hpp"
#include "net/workers.hpp"
#include "queue/transport.hpp"

namespace mbx::smtp {

class MessageSource {
public:
    // `outgoing` outlives it.
    MessageSource(net::Workers& workers, FileSystem& files, const queue::Outgoing& outgoing);
    MessageSource(const MessageSource&) = delete;
    MessageSource& operator=(const MessageSource&) = delete;

    // What the message holds. Opens its file; an error is the file's.
    co::Task<Result<mail::ContentFacts, FileError>> scan();
    // After scan(). Always on a worker.
    co::Task<Result<mail::DowngradePlan, FileError>> survey(mail::ContentTarget target);
    // The next piece from the front on, empty behind the last; the view holds until the next call.
    co::Task<Result<std::string_view, FileError>> next();
    void rewind()
    {
        at_ = outgoing_.envelope->kept_back;
        is_before_fields_ = true;
    }

private:
    // Feeds all of it to `take` in pieces. On a worker, or for little that is in memory here.
    template <typename Take> Result<void, FileError> read_all(Take& take);
    Result<void, FileError> open();
    std::string_view in_memory() const;  // without what is kept back

    net::Workers& workers_;
    FileSystem& files_;
    const queue::Outgoing& outgoing_;
    std::unique_ptr<File> file_;
    std::string piece_;
    std::uint64_t at_ = 0;
    bool is_before_fields_ = true;
};

}  // namespace mbx::smtp
