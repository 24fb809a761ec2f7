// Syncs the file system of a directory as the store does, once for each line it is given, and says so: for flush_test.py.
#include <iostream>
#include <string>

#include "base/file_system.hpp"

int main(int argc, char** argv)
{
    mbx::PosixFileSystem files;
    const auto volume = argc == 2 ? files.open_volume(argv[1]) : mbx::FileError{};
    if (!volume) {
        std::cerr << "usage: sync_volume DIRECTORY, on a file system that can be opened\n";
        return 2;
    }
    for (std::string line; std::getline(std::cin, line);) {
        if (const auto done = (*volume)->sync(); !done) {
            std::cerr << "sync_volume: " << done.error().name() << '\n';
            return 1;
        }
        std::cout << "synced" << std::endl;
    }
    return 0;
}
