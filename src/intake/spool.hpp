// The directory in which large messages lie between their first byte and their delivery. What no record of the journal
// names when the daemon starts is removed by the store. Loop thread.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/workers.hpp"

namespace mbx::intake {

class Spool {
public:
    // Blocking: at start only.
    Spool(FileSystem& files, net::Workers& workers, Random& random, Log log, std::string directory);

    FileSystem& files() const { return files_; }
    net::Workers& workers() const { return workers_; }
    const std::string& directory() const { return directory_; }
    std::string new_name() const;
    std::string path(const std::string& name) const { return directory_ + "/" + name; }
    void complain(const std::string& path, const FileError& error) const;

    // Closes and removes on a worker; nobody waits for it.
    void discard(std::unique_ptr<File> file, std::string path) const;

private:
    FileSystem& files_;
    net::Workers& workers_;
    Random& random_;
    Log log_;
    std::string directory_;
};

}  // namespace mbx::intake
