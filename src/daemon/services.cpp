#include "daemon/services.hpp"

#include <unistd.h>

#include "daemon/protocol_options.hpp"

namespace mbx::daemon {
namespace {

store::StoreOptions store_options(const config::Settings& settings)
{
    store::StoreOptions options;
    options.root = settings.server.data_directory + "/mail";
    return options;
}

admin::AdministrationOptions administration_options(const config::Settings& settings)
{
    admin::AdministrationOptions options;
    options.own_uid = static_cast<std::uint32_t>(::geteuid());
    options.data_directory = settings.server.data_directory;
    options.removed_directory = settings.server.data_directory + "/mail/.removed";
    options.removed_mail_keep = settings.directory.removed_mail_keep;
    return options;
}

}  // namespace

Result<std::unique_ptr<Services>, Error> Services::open(Ground ground, const config::Settings& settings,
                                                        admin::Hooks hooks)
{
    const std::string path = settings.server.data_directory + "/directory.db";
    auto directory = directory::Directory::open(path, ground.workers, snapshot_options(settings));
    if (!directory) return directory.error();
    std::unique_ptr<Services> services(new Services(ground, std::move(*directory), settings, std::move(hooks)));
    const auto files = certificate_files(settings);
    if (!files.empty()) {
        const auto loaded = services->tls_.load(files);
        if (!loaded) return loaded.error();
    }
    return services;
}

Services::Services(Ground ground, std::unique_ptr<directory::Directory> directory, const config::Settings& settings,
                   admin::Hooks hooks)
    : directory_(std::move(directory)),
      authenticator_(*directory_, ground.workers, ground.loop, ground.clock, ground.random, ground.metrics,
                     ground.log.for_component("auth"), authenticator_options(settings)),
      tls_(ground.workers, ground.log.for_component("tls")),
      store_(ground.files, ground.workers, ground.clock, ground.random, ground.metrics,
             ground.log.for_component("store"), store_options(settings)),
      background_(store_, ground.loop, ground.clock, ground.metrics, store::BackgroundFillOptions()),
      intake_(store_, ground.files, ground.workers, ground.clock, ground.random, ground.metrics,
              ground.log.for_component("intake"), settings.server.data_directory + "/spool"),
      smtp_(smtp::Dependencies{intake_, *directory_, authenticator_, live_sessions_, tls_, ground.metrics, ground.clock,
                               ground.log.for_component("smtp")},
            smtp_options(settings)),
      imap_(imap::Services{store_, intake_, *directory_, authenticator_, live_sessions_, tls_, ground.clock,
                           ground.metrics, ground.log.for_component("imap")},
            imap_options(settings)),
      administration_(admin::AdministrationDeps{*directory_, store_, authenticator_, live_sessions_, ground.workers,
                                                ground.files, ground.metrics, ground.clock, ground.random},
                      std::move(hooks), administration_options(settings), ground.log.for_component("admin")),
      http_(administration_.router(), http_options(settings), ground.clock, ground.metrics,
            ground.log.for_component("http"))
{
    directory_->on_change([this] { live_sessions_.end_outdated(*directory_->snapshot()); });
}

net::Listener::Session Services::session(Service service)
{
    using Stream = std::unique_ptr<net::ByteStream>;
    switch (service) {
    case Service::smtp:
        return [this](Stream stream) { return smtp_.serve(std::move(stream), smtp::Role::mx, false); };
    case Service::submission:
        return [this](Stream stream) { return smtp_.serve(std::move(stream), smtp::Role::submission, false); };
    case Service::submissions:
        return [this](Stream stream) { return smtp_.serve(std::move(stream), smtp::Role::submission, true); };
    case Service::imap: return [this](Stream stream) { return imap_.serve(std::move(stream), false); };
    case Service::imaps: return [this](Stream stream) { return imap_.serve(std::move(stream), true); };
    case Service::http:
    case Service::control: break;
    }
    return [this](Stream stream) { return http_.serve(std::move(stream)); };
}

void Services::reload(const config::Settings& settings, std::shared_ptr<const net::TlsServer::Certificates> certificates)
{
    if (certificates) tls_.use(std::move(certificates));
    directory_->set_options(snapshot_options(settings));
    smtp_.set_options(smtp_options(settings));
    imap_.set_options(imap_options(settings));
    authenticator_.set_options(authenticator_options(settings));
    administration_.set_removed_mail_keep(settings.directory.removed_mail_keep);
}

void Services::stop()
{
    authenticator_.close();
    smtp_.stop();
    imap_.stop();
    background_.stop();
    administration_.stop();
}

}  // namespace mbx::daemon
