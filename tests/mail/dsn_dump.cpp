// Writes notifications over odd input into a folder, for dsn_differential.py: NAME.eml, and NAME.want with what it must
// read from it, one "key: value" a line.
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "dsn_samples.hpp"
#include "mail/dsn_words.hpp"

using namespace mbx;

namespace {

void write(const std::string& folder, const std::string& name, const mail::DsnRequest& request)
{
    const mail::Dsn dsn = mail::compose_dsn(request);
    std::ofstream(folder + "/" + name + ".eml", std::ios::binary) << dsn.bytes;
    std::ofstream want(folder + "/" + name + ".want", std::ios::binary);
    want << "recipients: " << request.recipients.size() << "\nsubject: " << mail::dsn_subject(request)
         << "\nglobal: " << (request.smtputf8 ? 1 : 0) << "\n";
}

std::string random_bytes(std::mt19937& random)
{
    std::string bytes(random() % 3000, '\0');
    constexpr std::string_view kLikely = "\r\n\t :;<>@=+\\\"().aZ5%\xd0\xb1\xff";
    for (char& c : bytes) c = random() % 3 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    return bytes;
}

}  // namespace

int main(int count, char** words)
{
    if (count < 2) return 2;
    const std::string folder = words[1];
    std::mt19937 random(5);
    constexpr int kSamples = 300;
    for (int at = 0; at < kSamples; ++at) {
        std::string original;
        const std::string bytes = random_bytes(random);
        mail::DsnRequest request = test::odd_request(bytes, original);
        request.to = "alice@example.org";
        write(folder, std::to_string(at), request);
    }
    for (int at = 2; at < count; ++at) {
        std::ifstream file(words[at], std::ios::binary);
        std::stringstream bytes;
        bytes << file.rdbuf();
        std::string original;
        write(folder, "seed" + std::to_string(at), test::odd_request(bytes.str(), original));
    }
    std::cout << kSamples << "\n";
    return 0;
}
