// A message on its way in, from 354 or its first chunk to its end: what a session keeps of it. Loop thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "intake/draft.hpp"
#include "smtp/reception.hpp"
#include "smtp/submission_header.hpp"

namespace mbx::smtp {

// Bytes that are held in memory, counted with those of all sessions.
class HeldBytes {
public:
    explicit HeldBytes(std::uint64_t& total) : total_(total) {}
    HeldBytes(const HeldBytes&) = delete;
    HeldBytes& operator=(const HeldBytes&) = delete;
    ~HeldBytes() { release(); }

    // False: with so much more all of them are over `most`, and nothing was added.
    bool add(std::string_view more, std::uint64_t most)
    {
        if (total_ + more.size() > most) return false;
        total_ += more.size();
        counted_ += more.size();
        bytes += more;
        return true;
    }
    void release()
    {
        total_ -= std::exchange(counted_, 0);
        std::string().swap(bytes);
    }
    std::string bytes;

private:
    std::uint64_t& total_;
    std::uint64_t counted_ = 0;
};

struct Incoming {
    Incoming(const Options& options, Reception::Framing framing, std::uint64_t& held_by_all)
        : reception(options, framing), binary(held_by_all)
    {
    }
    Reception reception;
    std::optional<intake::Draft> draft;      // none once the message is refused
    std::optional<SubmissionHeader> header;  // of submission
    std::string edited;                      // what the header made of the last piece
    std::string trace_id;                    // once the prefix is set
    std::optional<ReplyId> fault;            // why it could not be kept
    SteadyTime started{};
    std::uint64_t received = 0;
    std::size_t chunks = 0;
    bool is_binary = false;  // BODY=BINARYMIME
    HeldBytes binary;        // of such a message all that came
    bool is_over = false;    // a chunk was refused: the others are read and refused too (RFC 3030 section 2)
};

} // namespace mbx::smtp
