#include "sendmail/places.hpp"

#include <cstdlib>

#include "config/load.hpp"

namespace mbx::sendmail {

namespace {

constexpr const char* kUsualConfig = "/etc/mailboxd/mailboxd.toml";

std::string variable(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string or_else(std::string first, std::string second) { return first.empty() ? std::move(second) : std::move(first); }

}  // namespace

Result<Places, Error> find_places(const std::string& config_path)
{
    const std::string path = or_else(config_path, or_else(variable("MAILBOXD_CONFIG"), kUsualConfig));
    const auto loaded = config::load(path);
    if (!loaded && !config_path.empty()) return Error{"reading " + path, loaded.error().front().text(), ""};
    const config::Settings settings = loaded ? loaded->settings : config::defaults();
    Places places;
    const std::string& run = settings.server.runtime_directory;
    places.socket = or_else(variable("MAILBOXD_SENDMAIL_SOCKET"), run + "/sendmail.sock");
    places.control_socket = or_else(variable("MAILBOXD_SOCKET"), run + "/control.sock");
    places.drop_directory = or_else(variable("MAILBOXD_DROP_DIRECTORY"), settings.sendmail.drop_directory);
    places.is_off = settings.sendmail.service == config::Switch::off;
    places.most_bytes = settings.smtp.max_message_size;
    return places;
}

}  // namespace mbx::sendmail
