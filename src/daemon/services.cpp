#include "daemon/services.hpp"

#include <unistd.h>

#include "daemon/outbound_options.hpp"
#include "daemon/protocol_options.hpp"
#include "daemon/report_text.hpp"
#include "daemon/secret.hpp"
#include "directory/quota.hpp"
#include "mail/encoded_word.hpp"
#include "store/open_limit.hpp"
#include "store/sqlite.hpp"
#include "store/volume_marker.hpp"

namespace mbx::daemon {
namespace {

store::StoreOptions store_options(const config::Settings& settings)
{
    store::StoreOptions options;
    options.root = settings.server.data_directory + "/mail";
    const store::MachineRoom room = store::this_machine();
    options.max_open_accounts = store::most_open_accounts(room);
    options.account.max_database_files = store::most_database_files(room);
    return options;
}

trace::TraceOptions trace_options(const config::Settings& settings)
{
    trace::TraceOptions options;
    options.keep = settings.trace.keep;
    options.most_bytes = settings.trace.max_size;
    return options;
}

store::ExpiryOptions expiry_options(const config::Settings& settings)
{
    store::ExpiryOptions options;
    options.keep = settings.undelete.keep;
    options.trash = settings.expire.trash;
    options.junk = settings.expire.junk;
    return options;
}

DropPickup::Options pickup_options(const config::Settings& settings)
{
    DropPickup::Options options;
    if (settings.sendmail.service == config::Switch::on) options.directory = settings.sendmail.drop_directory;
    options.host_name = settings.server.hostname;
    options.max_message_bytes = settings.smtp.max_message_size;
    options.give_up_after = settings.queue.lifetime;
    return options;
}

intake::IntakeOptions intake_options(const config::Settings& settings)
{
    intake::IntakeOptions options;
    options.warn_percent = static_cast<unsigned>(settings.quota.warn_percent);
    return options;
}

admin::AdministrationOptions administration_options(const config::Settings& settings)
{
    admin::AdministrationOptions options;
    options.own_uid = static_cast<std::uint32_t>(::geteuid());
    options.data_directory = settings.server.data_directory;
    options.removed_directory = settings.server.data_directory + "/mail/.removed";
    options.removed_mail_keep = settings.directory.removed_mail_keep;
    options.warn_percent = settings.quota.warn_percent;
    options.undelete_keep = settings.undelete.keep;
    return options;
}

smtp::Role role_of(admin::Asker asker)
{
    switch (asker) {
    case admin::Asker::program: return smtp::Role::local;
    case admin::Asker::user: return smtp::Role::submission;
    case admin::Asker::stranger:
    case admin::Asker::bounce: break;
    }
    return smtp::Role::mx;
}

std::string words_of(smtp::ReplyId id)
{
    const smtp::Reply& reply = smtp::find_reply(id);
    return std::to_string(reply.code) + " " + std::string(reply.enhanced) + " " + std::string(reply.text);
}

admin::RecipientFacts recipient_facts(const smtp::Server& smtp, const mail::Mailbox& mailbox, admin::Asker asker)
{
    smtp::RecipientDecision decision = smtp.judge(mailbox, role_of(asker), asker == admin::Asker::bounce);
    admin::RecipientFacts facts;
    if (decision.reply != smtp::ReplyId::recipient_accepted) {
        facts.refusal = words_of(decision.reply);
        return facts;
    }
    facts.accounts = std::move(decision.accounts);
    facts.expansions = std::move(decision.expansions);
    for (smtp::OutsideRecipient& one : decision.outside) {
        facts.is_direct = one.forwarded_by.empty() && !one.is_bounce;
        facts.outside.push_back({std::move(one.address), std::move(one.owner), std::move(one.forwarders)});
    }
    return facts;
}

}  // namespace

Result<std::unique_ptr<Services>, Error> Services::open(Ground ground, const config::Settings& settings,
                                                        admin::Hooks hooks)
{
    const std::string path = settings.server.data_directory + "/directory.db";
    const std::string& data = settings.server.data_directory;
    // Before anything is made: an empty mount point is no new server.
    const auto volume = store::open_volume(ground.files, ground.random, data);
    if (!volume) return volume.error();
    store::set_no_pages_aside();
    auto directory = directory::Directory::open(path, ground.workers, snapshot_options(settings));
    if (!directory) return directory.error();
    store::MailJournalOptions wanted;
    wanted.journal.directory = data + "/journal";
    wanted.identity = volume->journal;
    auto journal = store::MailJournal::open(ground.loop, ground.files, ground.clock, ground.metrics,
                                            ground.log.for_component("journal"), std::move(wanted), ground.failed);
    if (!journal) return journal.error();
    if (auto noted = store::note_started(ground.files, data, *volume); !noted) return noted.error();
    auto secret = open_secret(ground.files, ground.random, data + "/srs.key");
    if (!secret) return secret.error();
    auto opener = [ground](std::unique_ptr<net::ByteStream> stream, smtp::ClientOptions options) {
        return smtp::open_conversation(ground.workers, ground.files, ground.clock, std::move(stream), std::move(options));
    };
    auto mail_out = MailOut::open({ground.loop, ground.workers, ground.files, ground.clock, ground.random, ground.log},
                                  settings, std::move(opener));
    if (!mail_out) return mail_out.error();
    hooks = (*mail_out)->with_questions(std::move(hooks));
    std::unique_ptr<Services> services(new Services(ground, std::move(*directory), std::move(*journal),
                                                    *std::move(secret), std::move(*mail_out), settings,
                                                    std::move(hooks)));
    const auto files = certificate_files(settings);
    if (!files.empty()) {
        const auto loaded = services->tls_.load(files);
        if (!loaded) return loaded.error();
    }
    return services;
}

Services::Services(Ground ground, std::unique_ptr<directory::Directory> directory,
                   std::unique_ptr<store::MailJournal> journal, std::string srs_secret,
                   std::unique_ptr<MailOut> mail_out, const config::Settings& settings, admin::Hooks hooks)
    : directory_(std::move(directory)), quotas_(settings.quota),
      trace_(trace::Trace::Ground{ground.loop, ground.workers, ground.files, ground.clock, ground.metrics,
                                  ground.log.for_component("trace"), settings.server.data_directory + "/trace.db",
                                  mail::decode_encoded_words},
             trace_options(settings)),
      authenticator_(*directory_, ground.workers, ground.loop, ground.clock, ground.random, ground.metrics,
                     ground.log.for_component("auth"), authenticator_options(settings)),
      tls_(ground.workers, ground.log.for_component("tls")),
      journal_(std::move(journal)),
      store_(ground.loop, ground.files, ground.workers, *journal_, ground.clock, ground.random, ground.metrics,
             ground.log.for_component("store"), store_options(settings), ground.failed),
      expiry_(store::Expiry::Ground{ground.loop, store_, ground.files, ground.workers, ground.clock, ground.metrics,
                                    ground.log.for_component("expiry"), [this] { return all_accounts(); }},
              expiry_options(settings)),
      background_(store_, ground.loop, ground.clock, ground.metrics, store::BackgroundFillOptions()),
      intake_(store_, ground.files, ground.workers, ground.clock, ground.random, ground.metrics,
              ground.log.for_component("intake"), settings.server.data_directory + "/spool", intake_options(settings)),
      srs_(std::move(srs_secret)),
      mail_out_(std::move(mail_out)),
      queue_(OutgoingQueue::Ground{ground.loop, ground.workers, ground.files, ground.clock, ground.random, ground.metrics,
                                   ground.log, store_, intake_, *directory_, srs_, mail_out_->transport(), trace_,
                                   ground.failed},
             settings),
      tls_reporting_(TlsReporting::Ground{ground.loop, ground.workers, ground.files, ground.clock, ground.random, ground.metrics,
                                          ground.log.for_component("tlsrpt"), mail_out_->resolver(),
                                          mail_out_->transport().reports(), intake_, *directory_, srs_},
                     tls_reporting_options(settings)),
      smtp_(smtp::Dependencies{intake_, *directory_, authenticator_, live_sessions_, tls_, ground.metrics, ground.clock,
                               ground.log.for_component("smtp"), srs_, ground.workers, &trace_},
            smtp_options(settings)),
      pickup_(DropPickup::Ground{ground.loop, ground.workers, ground.clock, ground.metrics,
                                 ground.log.for_component("sendmail"), smtp_, queue_.reports(),
                                 report_composer(settings.server.hostname, ground.random)},
              pickup_options(settings)),
      imap_(imap::Services{store_, intake_, *directory_, authenticator_, live_sessions_, tls_, ground.clock,
                           ground.metrics, ground.log.for_component("imap")},
            imap_options(settings)),
      pop3_(pop3::Services{store_, *directory_, authenticator_, live_sessions_, tls_, ground.clock, ground.metrics,
                           ground.log.for_component("pop3")},
            pop3_options(settings)),
      administration_(admin::AdministrationDeps{*directory_, store_, authenticator_, live_sessions_, ground.workers,
                                                ground.files, ground.metrics, ground.clock, ground.random,
                                                &queue_.queue()},
                      with_decisions(std::move(hooks)), administration_options(settings), ground.log.for_component("admin")),
      http_(administration_.router(), http_options(settings), ground.clock, ground.metrics,
            ground.log.for_component("http"))
{
    store_.set_recorder(&trace_);
    administration_.set_trace(&trace_);
    store_.set_quotas([this](const store::AccountKey& key) { return quota_of(key); });
    directory_->on_change([this] {
        live_sessions_.end_outdated(*directory_->snapshot());
        store_.quotas_changed();
    });
}

admin::Hooks Services::with_decisions(admin::Hooks hooks)
{
    hooks.judge_recipient = [this](const mail::Mailbox& mailbox, admin::Asker asker) { return recipient_facts(smtp_, mailbox, asker); };
    hooks.refusal_for_room = [this](directory::AccountId account) { return refusal_for_room(account); };
    return hooks;
}

// Of a message whose size nobody has said.
co::Task<std::string> Services::refusal_for_room(directory::AccountId id)
{
    const auto snapshot = directory_->snapshot();
    const directory::Account* account = snapshot->find(id);
    if (account == nullptr) co_return std::string();
    store::AccountKey key{id.value, account->local_part, account->domain};
    const bool has_room = co_await intake_.room_for(std::move(key), 0);
    if (has_room) co_return std::string();
    co_return words_of(smtp::ReplyId::over_quota);
}

std::vector<store::AccountKey> Services::all_accounts() const
{
    std::vector<store::AccountKey> keys;
    const auto snapshot = directory_->snapshot();
    for (const auto& account : snapshot->accounts()) {
        keys.push_back({account.id.value, account.local_part, account.domain});
    }
    return keys;
}

store::QuotaLimits Services::quota_of(const store::AccountKey& key) const
{
    const auto snapshot = directory_->snapshot();
    const directory::Account* account = snapshot->find(directory::AccountId{key.id});
    if (account == nullptr) return {};
    const auto quota = directory::quota_of(*account, quotas_);
    return {quota.bytes, quota.messages};
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
    case Service::sendmail:
        return [this](Stream stream) { return smtp_.serve(std::move(stream), smtp::Role::local, false); };
    case Service::lmtp: return [this](Stream stream) { return smtp_.serve(std::move(stream), smtp::Role::lmtp, false); };
    case Service::imap: return [this](Stream stream) { return imap_.serve(std::move(stream), false); };
    case Service::imaps: return [this](Stream stream) { return imap_.serve(std::move(stream), true); };
    case Service::pop3: return [this](Stream stream) { return pop3_.serve(std::move(stream), false); };
    case Service::pop3s: return [this](Stream stream) { return pop3_.serve(std::move(stream), true); };
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
    mail_out_->set_options(settings);
    queue_.set_options(settings);
    tls_reporting_.set_options(tls_reporting_options(settings));
    imap_.set_options(imap_options(settings));
    pop3_.set_options(pop3_options(settings));
    authenticator_.set_options(authenticator_options(settings));
    intake_.set_options(intake_options(settings));
    expiry_.set_options(expiry_options(settings));
    pickup_.set_options(pickup_options(settings));
    trace_.set_options(trace_options(settings));
    quotas_ = settings.quota;
    store_.quotas_changed();
    administration_.set_removed_mail_keep(settings.directory.removed_mail_keep);
    administration_.set_mail_limits(settings.quota.warn_percent, settings.undelete.keep);
}

void Services::start()
{
    trace_.record_again(std::move(journal_->recovered().traced));
    trace_.start();
    queue_.take_over();
    store_.start();
    queue_starting_.spawn(queue_.start());
    tls_reporting_.start();
    expiry_.start();
    pickup_.start();
}

co::Task<void> Services::close_store()
{
    tls_reporting_.interrupt();
    co_await administration_.save_app_password_uses();
    co_await pickup_.finished();
    co_await expiry_.stop();
    queue_.give_up_waiting();
    co_await queue_starting_.finished();
    co_await queue_.stop();
    mail_out_->stop();
    co_await tls_reporting_.finish();
    co_await store_.stop();
    co_await trace_.stop();
}

void Services::close_journal() { journal_->journal().close(store_.checkpoints().reached()); }

void Services::stop()
{
    authenticator_.close();
    smtp_.stop();
    imap_.stop();
    pop3_.stop();
    background_.stop();
    pickup_.stop();
    administration_.stop();
}

}  // namespace mbx::daemon
