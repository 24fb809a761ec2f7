// The bytes of one stored message, CRLF-ended, mapped or in memory while this lives; an expunge meanwhile does not
// take them away. Any thread.
#pragma once

#include <memory>
#include <string_view>

namespace mbx::store {

class MessageFile {
public:
    virtual ~MessageFile() = default;
    virtual std::string_view bytes() const = 0;
};

using MessageFilePtr = std::shared_ptr<const MessageFile>;

}  // namespace mbx::store
