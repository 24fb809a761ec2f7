// Randomness enters through here. SystemRandom asks the kernel and never returns a guessable byte (it aborts loudly
// when the kernel has none: HOSTILE row G15); SeededRandom repeats a test run. SystemRandom: any thread.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>

namespace mbx {

class Random {
public:
    virtual ~Random() = default;
    virtual void fill(std::span<unsigned char> into) = 0;

    std::uint64_t number();
    // Lower-case hexadecimal of `bytes` random bytes.
    std::string hex(std::size_t bytes);
};

class SystemRandom final : public Random {
public:
    void fill(std::span<unsigned char> into) override;
};

class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
    void fill(std::span<unsigned char> into) override;

private:
    std::mt19937_64 engine_;
};

}  // namespace mbx
