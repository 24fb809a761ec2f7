// A mark that tells, after the process has died, whether it died in the middle of something: a byte of a mapped file, set
// and taken away without a system call. A process's end of any kind leaves it as it was; a power cut may leave either.
// Private to the schedule. One thread at a time.
#pragma once

#include <string>

namespace mbx::queue {

class UseMark {
public:
    UseMark() = default;
    ~UseMark();
    UseMark(const UseMark&) = delete;
    UseMark& operator=(const UseMark&) = delete;

    // Makes the file where it is missing; without room for it there is no mark. True: it was set when the last process that
    // had it open ended. It is not set now.
    bool open(const std::string& path);

    // Sets it for as long as it lives.
    class Use {
    public:
        explicit Use(UseMark& mark) : mark_(mark) { mark_.set(1); }
        ~Use() { mark_.set(0); }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;

    private:
        UseMark& mark_;
    };

private:
    void set(unsigned char value);
    unsigned char* page_ = nullptr;
};

}  // namespace mbx::queue
