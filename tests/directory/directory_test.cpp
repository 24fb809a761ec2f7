#include "directory/directory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "directory/sqlite.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

using namespace mbx;
using namespace mbx::directory;
using mbx::test::run_on;

namespace {

class World {
public:
    World() { open(); }

    void open()
    {
        directory_.reset();
        auto opened = Directory::open(path(), workers_, SnapshotOptions{"mx.example.org", "+"});
        if (!opened) FAIL(opened.error().text());
        directory_ = std::move(*opened);
    }
    std::string path() const { return folder_.path() + "/directory.db"; }
    Directory& operator*() { return *directory_; }
    Directory* operator->() { return directory_.get(); }
    template <typename T>
    T run(co::Task<T> task)
    {
        return run_on(loop_, std::move(task));
    }
    void populate()
    {
        REQUIRE(run(directory_->add_domain("example.org")));
        REQUIRE(run(directory_->add_account(account("ann@example.org"))));
        REQUIRE(run(directory_->add_account(account("bob@example.org"))));
    }
    static NewAccount account(std::string address)
    {
        NewAccount made;
        made.address = std::move(address);
        made.password_hash = "hash";
        return made;
    }
    // The one value that another program reads in the file.
    std::string shown(std::string_view sql) const
    {
        auto database = Database::open(path());
        REQUIRE(database);
        auto rows = database->prepare(sql);
        REQUIRE(rows.step());
        return rows.text(0);
    }
    const Account& find(std::string_view login)
    {
        kept_ = directory_->snapshot();
        const Account* found = kept_->find_login(login);
        REQUIRE(found);
        return *found;
    }

private:
    test::TemporaryFolder folder_;
    net::Loop loop_;
    net::Workers workers_{loop_, 3, 1};
    std::unique_ptr<Directory> directory_;
    std::shared_ptr<const Snapshot> kept_;
};

template <typename T>
RefusalKind kind_of(const Result<T, Refusal>& result)
{
    REQUIRE_FALSE(result);
    CHECK_FALSE(result.error().error.attempted.empty());
    CHECK_FALSE(result.error().error.happened.empty());
    return result.error().kind;
}

AccountChange with_password(std::string hash)
{
    AccountChange change;
    change.password_hash = std::move(hash);
    return change;
}
AccountChange with_enabled(bool enabled)
{
    AccountChange change;
    change.enabled = enabled;
    return change;
}

}  // namespace

TEST_CASE("what is added is in the next snapshot and still there after a restart", "[directory]")
{
    World w;
    const auto before = w->snapshot();
    w.populate();
    REQUIRE(w.run(w->add_alias({"Team@example.org", {"bob@example.org", "Ann@EXAMPLE.org", "bob@example.org"}, true})));
    DomainChange change;
    change.catch_all = "bob@example.org";
    REQUIRE(w.run(w->set_domain("EXAMPLE.org", change)));
    CHECK(before->accounts().empty());
    for (int round = 0; round < 2; ++round) {
        const auto s = w->snapshot();
        CHECK(s->accounts().size() == 2);
        CHECK(s->domains().at(0).catch_all == "bob@example.org");
        REQUIRE(s->aliases().size() == 1);
        CHECK(s->aliases()[0].address == "team@example.org");
        CHECK(s->aliases()[0].targets == std::vector<std::string>{"ann@example.org", "bob@example.org"});
        CHECK(s->resolve("team", "example.org").accounts.size() == 2);
        w.open();
    }
}

TEST_CASE("an account id is never given out again, also not after a restart", "[directory]")
{
    World w;
    w.populate();
    const auto bob = w.run(w->remove_account("Bob@example.org"));
    REQUIRE(bob);
    w.open();
    const auto again = w.run(w->add_account(World::account("bob@example.org")));
    REQUIRE(again);
    CHECK(again->id > bob->id);
}

TEST_CASE("each refusal has its kind", "[directory]")
{
    World w;
    w.populate();
    REQUIRE(w.run(w->add_alias({"team@example.org", {"ann@example.org"}, true})));
    CHECK(kind_of(w.run(w->add_domain("Example.ORG"))) == RefusalKind::exists);
    CHECK(kind_of(w.run(w->add_domain("no domain"))) == RefusalKind::invalid);
    CHECK(kind_of(w.run(w->set_domain("example.net", {}))) == RefusalKind::not_found);
    CHECK(kind_of(w.run(w->remove_domain("example.net"))) == RefusalKind::not_found);
    CHECK(kind_of(w.run(w->remove_domain("example.org"))) == RefusalKind::conflict);
    CHECK(kind_of(w.run(w->add_account(World::account("ANN@example.org")))) == RefusalKind::exists);
    CHECK(kind_of(w.run(w->add_account(World::account("team@example.org")))) == RefusalKind::exists);
    CHECK(kind_of(w.run(w->add_account(World::account("cyd@example.net")))) == RefusalKind::not_found);
    CHECK(kind_of(w.run(w->add_account(World::account("../x@example.org")))) == RefusalKind::invalid);
    CHECK(kind_of(w.run(w->set_account("cyd@example.org", {}))) == RefusalKind::not_found);
    CHECK(kind_of(w.run(w->remove_account("cyd@example.org"))) == RefusalKind::not_found);
    CHECK(kind_of(w.run(w->add_alias({"ann@example.org", {"bob@example.org"}, true}))) == RefusalKind::exists);
    CHECK(kind_of(w.run(w->add_alias({"team@example.org", {"bob@example.org"}, true}))) == RefusalKind::exists);
    CHECK(kind_of(w.run(w->add_alias({"self@example.org", {"self@example.org"}, true}))) == RefusalKind::invalid);
    CHECK(kind_of(w.run(w->add_alias({"none@example.org", {}, true}))) == RefusalKind::invalid);
    CHECK(kind_of(w.run(w->set_alias({"none@example.org", {"ann@example.org"}, true}))) == RefusalKind::not_found);
    CHECK(kind_of(w.run(w->remove_alias("none@example.org"))) == RefusalKind::not_found);
    CHECK(kind_of(w.run(w->remove_alias("nonsense"))) == RefusalKind::not_found);
    NewAccount odd = World::account("odd@example.org");
    odd.full_name = "a\nb";
    CHECK(kind_of(w.run(w->add_account(odd))) == RefusalKind::invalid);
    odd.full_name = "";
    odd.password_hash = "";
    CHECK(kind_of(w.run(w->add_account(odd))) == RefusalKind::invalid);
}

TEST_CASE("a refused change leaves nothing behind", "[directory]")
{
    World w;
    w.populate();
    const auto before = w->snapshot();
    CHECK_FALSE(w.run(w->add_alias({"new@example.org", {"ann@example.org", "not an address"}, true})));
    CHECK(w->snapshot() == before);
    REQUIRE(w.run(w->add_alias({"new@example.org", {"ann@example.org"}, true})));
    CHECK_FALSE(w.run(w->set_alias({"new@example.org", {"bob@example.org", "not an address"}, false})));
    CHECK(w->snapshot()->aliases().at(0).targets == std::vector<std::string>{"ann@example.org"});
    CHECK(w->snapshot()->aliases().at(0).enabled);
}

TEST_CASE("J5: the credential version grows with password, enabled and rights, and with nothing else", "[directory][hostile]")
{
    World w;
    w.populate();
    const auto version = [&w] { return w.find("ann@example.org").credential_version; };
    const auto first = version();
    AccountChange name;
    name.full_name = "Ann";
    name.quota_bytes = 5;
    name.enabled = true;
    REQUIRE(w.run(w->set_account("ann@example.org", name)));
    CHECK(version() == first);
    REQUIRE(w.run(w->set_account("ann@example.org", with_password("other"))));
    CHECK(version() == first + 1);
    REQUIRE(w.run(w->set_account("ann@example.org", with_enabled(false))));
    REQUIRE(w.run(w->set_account("ann@example.org", with_enabled(true))));
    CHECK(version() == first + 3);
    AccountChange rights;
    rights.is_administrator = true;
    REQUIRE(w.run(w->set_account("ann@example.org", rights)));
    CHECK(version() == first + 4);
    w.open();
    CHECK(version() == first + 4);
}

TEST_CASE("a better hash of the same password keeps the version, and never undoes a new password", "[directory]")
{
    World w;
    w.populate();
    const auto first = w.find("ann@example.org").credential_version;
    AccountChange rehash = with_password("better");
    rehash.rehash_of = "hash";
    REQUIRE(w.run(w->set_account("ann@example.org", rehash)));
    CHECK(w.find("ann@example.org").password_hash == "better");
    CHECK(w.find("ann@example.org").credential_version == first);
    CHECK(kind_of(w.run(w->set_account("ann@example.org", rehash))) == RefusalKind::conflict);
    rehash.rehash_of = "better";
    rehash.enabled = false;
    CHECK(kind_of(w.run(w->set_account("ann@example.org", rehash))) == RefusalKind::invalid);
}

TEST_CASE("listeners are told of each change, with the new snapshot in place", "[directory]")
{
    World w;
    std::vector<std::size_t> seen;
    w->on_change([&] { seen.push_back(w->snapshot()->domains().size()); });
    REQUIRE(w.run(w->add_domain("example.org")));
    CHECK_FALSE(w.run(w->add_domain("example.org")));
    REQUIRE(w.run(w->add_domain("example.net")));
    REQUIRE(w.run(w->remove_domain("example.org")));
    CHECK(seen == std::vector<std::size_t>{1, 2, 1});
    w->set_options({"mx.example.org", ""});
    CHECK(seen.size() == 4);
}

TEST_CASE("other options after a reload count from the next snapshot on", "[directory]")
{
    World w;
    w.populate();
    CHECK(w->snapshot()->resolve("ann+x", "example.org").resolution == Resolution::found);
    w->set_options({"mx.example.org", ""});
    CHECK(w->snapshot()->resolve("ann+x", "example.org").resolution == Resolution::unknown_mailbox);
    CHECK(w->snapshot()->accounts().size() == 2);
}

namespace {

co::Task<void> add_many(Directory& directory, std::string prefix, int count, int& added)
{
    for (int i = 0; i < count; ++i) {
        NewAccount account = World::account(prefix + std::to_string(i) + "@example.org");
        const auto done = co_await directory.add_account(std::move(account));
        if (done) ++added;
    }
}

}  // namespace

TEST_CASE("changes that are asked for at the same time are all made, one after another", "[directory]")
{
    test::TemporaryFolder folder;
    net::Loop loop;
    net::Workers workers(loop, 4, 1);
    auto opened = Directory::open(folder.path() + "/directory.db", workers);
    REQUIRE(opened);
    Directory& directory = **opened;
    REQUIRE(run_on(loop, directory.add_domain("example.org")));
    int added = 0;
    co::Scope scope;
    for (const auto* prefix : {"a", "b", "c", "a"}) scope.spawn(add_many(directory, prefix, 10, added));
    loop.run();
    CHECK(added == 30);
    CHECK(directory.snapshot()->accounts().size() == 30);
}

TEST_CASE("J9: names with the signs of SQL are data", "[directory][hostile]")
{
    World w;
    w.populate();
    CHECK_FALSE(w.run(w->add_domain("x'; DROP TABLE account; --.org")));
    REQUIRE(w.run(w->add_account(World::account("o'hara@example.org"))));
    NewAccount named = World::account("cyd@example.org");
    named.full_name = "'); DELETE FROM account; -- %_";
    REQUIRE(w.run(w->add_account(named)));
    CHECK(w.find("cyd@example.org").full_name == named.full_name);
    REQUIRE(w.run(w->add_alias({"o'%_`|@example.org", {"ann@example.org"}, true})));
    CHECK(w->snapshot()->accounts().size() == 4);
    CHECK(w->snapshot()->resolve("' OR 1=1 --", "example.org").resolution == Resolution::unknown_mailbox);
}

TEST_CASE("a directory whose disk refuses says so and keeps what it has", "[directory]")
{
    World w;
    w.populate();
    // A table that is gone stands for whatever SQLite may fail with in the middle of a change.
    auto other = Database::open(w.path());
    REQUIRE(other);
    REQUIRE(other->execute("DROP TABLE alias_target"));
    const auto before = w->snapshot();
    const auto refused = w.run(w->add_account(World::account("cyd@example.org")));
    CHECK(kind_of(refused) == RefusalKind::storage);
    CHECK(w->snapshot() == before);
}

namespace {

AccountChange forward_to(std::vector<std::string> targets, bool keeps_copy)
{
    AccountChange change;
    change.forward = std::move(targets);
    change.keeps_copy = keeps_copy;
    return change;
}

}  // namespace

TEST_CASE("forwarding is kept in one spelling over a restart, and its own address among it means a copy", "[directory]")
{
    World w;
    w.populate();
    const auto set = w.run(w->set_account("ann@example.org", forward_to({"Far@Elsewhere.example", "far@elsewhere.example", "ANN@example.org"}, false)));
    REQUIRE(set);
    CHECK(set->forward == std::vector<std::string>{"far@elsewhere.example"});
    CHECK(set->keeps_copy);
    REQUIRE(w.run(w->set_account("ann@example.org", forward_to({"far@elsewhere.example"}, false))));
    w.open();
    CHECK(w->snapshot()->find_login("ann@example.org")->forward == std::vector<std::string>{"far@elsewhere.example"});
    CHECK_FALSE(w->snapshot()->find_login("ann@example.org")->keeps_copy);
    // A change of something else leaves it.
    AccountChange name;
    name.full_name = "Ann";
    const auto named = w.run(w->set_account("ann@example.org", name));
    REQUIRE(named);
    CHECK(named->forward.size() == 1);
    // None: an end of it, and the mail stays again.
    const auto off = w.run(w->set_account("ann@example.org", forward_to({}, false)));
    REQUIRE(off);
    CHECK(off->forward.empty());
    CHECK(off->keeps_copy);
    REQUIRE(w.run(w->remove_account("ann@example.org")));
    CHECK(w->snapshot()->accounts().size() == 1);
}

TEST_CASE("I1: a circle of aliases and forwarding is refused in words, and an old one can be undone", "[directory][hostile]")
{
    World w;
    w.populate();
    REQUIRE(w.run(w->add_alias({"a@example.org", {"ann@example.org"}, true})));
    const auto circle = w.run(w->set_account("ann@example.org", forward_to({"a@example.org"}, true)));
    CHECK(kind_of(circle) == RefusalKind::conflict);
    CHECK(circle.error().error.happened.find("ann@example.org -> a@example.org -> ann@example.org") != std::string::npos);
    CHECK(w->snapshot()->find_login("ann@example.org")->forward.empty());
    REQUIRE(w.run(w->add_alias({"b@example.org", {"c@example.org"}, true})));
    CHECK(kind_of(w.run(w->add_alias({"c@example.org", {"b@example.org"}, true}))) == RefusalKind::conflict);
    REQUIRE(w.run(w->add_alias({"c@example.org", {"b@example.org"}, false})));
    CHECK(kind_of(w.run(w->set_alias({"c@example.org", {"b@example.org"}, true}))) == RefusalKind::conflict);
    REQUIRE(w.run(w->set_alias({"b@example.org", {"c@example.org"}, false})));
}

TEST_CASE("a list's owner is an address of a domain that is here, and not the list", "[directory]")
{
    World w;
    w.populate();
    CHECK(kind_of(w.run(w->add_alias({"all@example.org", {"ann@example.org"}, true, "ann@elsewhere.example"}))) == RefusalKind::invalid);
    CHECK(kind_of(w.run(w->add_alias({"all@example.org", {"ann@example.org"}, true, "ALL@example.org"}))) == RefusalKind::invalid);
    CHECK(kind_of(w.run(w->add_alias({"all@example.org", {"ann@example.org"}, true, "nonsense"}))) == RefusalKind::invalid);
    REQUIRE(w.run(w->add_alias({"all@example.org", {"ann@example.org"}, true, "Ann@example.org"})));
    w.open();
    CHECK(w->snapshot()->aliases().at(0).owner == "ann@example.org");
    REQUIRE(w.run(w->set_alias({"all@example.org", {"ann@example.org"}, true})));
    CHECK(w->snapshot()->aliases().at(0).owner.empty());
}

TEST_CASE("forwarding and lists have their limits", "[directory][hostile]")
{
    World w;
    w.populate();
    std::vector<std::string> many;
    for (int n = 0; n < 21; ++n) many.push_back("m" + std::to_string(n) + "@elsewhere.example");
    CHECK(kind_of(w.run(w->set_account("ann@example.org", forward_to(many, true)))) == RefusalKind::invalid);
    many.pop_back();
    CHECK(w.run(w->set_account("ann@example.org", forward_to(many, true))));
    for (int n = 20; n < 10'001; ++n) many.push_back("m" + std::to_string(n) + "@elsewhere.example");
    CHECK(kind_of(w.run(w->add_alias({"all@example.org", many, true}))) == RefusalKind::invalid);
    many.pop_back();
    CHECK(w.run(w->add_alias({"all@example.org", many, true})));
}

namespace {

AppPassword app_password(std::string label, const std::string& salt = "c2FsdA==")
{
    AppPassword made;
    made.label = std::move(label);
    made.made = 1'800'000'000;
    made.digest = "digest of " + made.label;
    made.scram_verifier = "SCRAM-SHA-256$4096:" + salt + "$a:b";
    made.bare_scram_verifier = "SCRAM-SHA-256$4096:" + salt + "$c:d";
    return made;
}

}  // namespace

TEST_CASE("an app password is in the next snapshot and after a restart, and goes alone or with its account", "[directory]")
{
    World w;
    w.populate();
    const auto version = w.find("ann@example.org").credential_version;
    const auto phone = w.run(w->add_app_password("Ann@Example.org", app_password("phone")));
    REQUIRE(phone);
    REQUIRE(w.run(w->add_app_password("ann@example.org", app_password("laptop"))));
    REQUIRE(w.run(w->add_app_password("bob@example.org", app_password("phone"))));
    for (int round = 0; round < 2; ++round) {
        const Account& ann = w.find("ann@example.org");
        REQUIRE(ann.app_passwords.size() == 2);
        CHECK(ann.app_passwords[0].id == phone->id);
        CHECK(ann.app_passwords[0].label == "phone");
        CHECK(ann.app_passwords[0].made == 1'800'000'000);
        CHECK(ann.app_passwords[0].digest == "digest of phone");
        CHECK(ann.app_passwords[0].scram_verifier == app_password("").scram_verifier);
        CHECK(ann.app_passwords[0].bare_scram_verifier == app_password("").bare_scram_verifier);
        CHECK(ann.app_passwords[1].label == "laptop");
        CHECK(ann.credential_version == version);
        w.open();
    }
    CHECK(w.shown("SELECT group_concat(address || ' ' || label || ' ' || made || ' ' || last_used, ', ') FROM directory_app_passwords") ==
          "ann@example.org phone 1800000000 0, ann@example.org laptop 1800000000 0, bob@example.org phone 1800000000 0");
    CHECK(kind_of(w.run(w->remove_app_passwords("bob@example.org", phone->id))) == RefusalKind::not_found);
    REQUIRE(w.run(w->remove_app_passwords("ann@example.org", phone->id)));
    CHECK(w.find("ann@example.org").app_passwords.size() == 1);
    CHECK(w.find("ann@example.org").credential_version == version);
    const auto again = w.run(w->add_app_password("ann@example.org", app_password("phone")));
    REQUIRE(again);
    CHECK(again->id > phone->id);
    REQUIRE(w.run(w->remove_app_passwords("ann@example.org", std::nullopt)));
    CHECK(w.find("ann@example.org").app_passwords.empty());
    CHECK(w.find("bob@example.org").app_passwords.size() == 1);
    REQUIRE(w.run(w->remove_account("bob@example.org")));
    CHECK(w.shown("SELECT count(*) FROM app_password") == "0");
}

TEST_CASE("an app password is refused without an account, with a label that is none or there already, and above 25", "[directory]")
{
    World w;
    w.populate();
    const auto refused = [&w](const std::string& address, const std::string& label) {
        return kind_of(w.run(w->add_app_password(address, app_password(label))));
    };
    CHECK(refused("zoe@example.org", "phone") == RefusalKind::not_found);
    for (const std::string& label : {std::string(), std::string(101, 'x'), std::string("a\nb"), std::string(" phone"), std::string("\xff")}) {
        CAPTURE(label);
        CHECK(refused("ann@example.org", label) == RefusalKind::invalid);
    }
    for (std::size_t n = 0; n < kMostAppPasswords; ++n) {
        REQUIRE(w.run(w->add_app_password("ann@example.org", app_password("device " + std::to_string(n)))));
    }
    CHECK(refused("ann@example.org", "device 3") == RefusalKind::exists);
    CHECK(refused("ann@example.org", "one more") == RefusalKind::conflict);
    CHECK(kind_of(w.run(w->remove_app_passwords("zoe@example.org", std::nullopt))) == RefusalKind::not_found);
}

TEST_CASE("RFC 5802 3: the verifiers of an account keep one salt, whichever comes first", "[directory]")
{
    World w;
    w.populate();
    REQUIRE(w.run(w->add_app_password("ann@example.org", app_password("phone"))));
    CHECK(kind_of(w.run(w->add_app_password("ann@example.org", app_password("laptop", "b3RoZXI=")))) == RefusalKind::conflict);
    AccountChange change = with_password("new");
    change.scram_verifier = "SCRAM-SHA-256$4096:b3RoZXI=$a:b";
    CHECK(kind_of(w.run(w->set_account("ann@example.org", change))) == RefusalKind::conflict);
    CHECK(w.find("ann@example.org").password_hash == "hash");
    change.scram_verifier = "SCRAM-SHA-256$4096:c2FsdA==$e:f";
    REQUIRE(w.run(w->set_account("ann@example.org", change)));

    change.scram_verifier = "SCRAM-SHA-256$4096:b3RoZXI=$a:b";
    REQUIRE(w.run(w->set_account("bob@example.org", change)));
    CHECK(kind_of(w.run(w->add_app_password("bob@example.org", app_password("phone")))) == RefusalKind::conflict);
    REQUIRE(w.run(w->add_app_password("bob@example.org", app_password("phone", "b3RoZXI="))));
}

TEST_CASE("when an app password was used is noted once an hour, and kept over a restart once it is saved", "[directory]")
{
    World w;
    w.populate();
    const auto made = w.run(w->add_app_password("ann@example.org", app_password("phone")));
    REQUIRE(made);
    CHECK(w->last_use(made->id) == 0);
    constexpr std::int64_t kFirst = 1'800'000'000;
    w->note_use(made->id, kFirst);
    w->note_use(made->id, kFirst + Directory::kUseInterval - 1);
    CHECK(w->last_use(made->id) == kFirst);
    w->note_use(made->id, kFirst + Directory::kUseInterval);
    REQUIRE(w.run(w->save_uses()));
    w.open();
    CHECK(w->last_use(made->id) == kFirst + Directory::kUseInterval);
    REQUIRE(w.run(w->save_uses()));
    w->note_use(made->id, kFirst);
    CHECK(w->last_use(made->id) == kFirst);
    REQUIRE(w.run(w->remove_app_passwords("ann@example.org", made->id)));
    CHECK(w->last_use(made->id) == 0);
}
