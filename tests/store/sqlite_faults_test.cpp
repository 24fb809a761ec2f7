// HOSTILE row F8 for what is made behind delivery: SQLite fails at its n-th write, sync or read.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "store/desk.hpp"
#include "store/sqlite_faults.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;
using mbx::test::SqliteFaults;

namespace {

std::string letter(int n) { return "Subject: nr " + std::to_string(n) + "\r\n\r\nhello " + std::to_string(n) + "\r\n"; }

// Everything behind delivery once, whatever it answers.
void work(Desk& desk, MailboxId inbox)
{
    (void)desk->fill_columns(std::chrono::milliseconds(50));
    (void)desk->fill_text(std::chrono::milliseconds(50));
    (void)desk->columns(inbox, kAll);
    if (const auto found = desk->text_candidates(inbox, kAll, {{"nr 17"}})) {
        // Narrowed or not, the one that matches is never left out.
        const auto holds = [](const UidRange& range) { return range.first <= 18 && 18 <= range.last; };
        CHECK(std::ranges::any_of(*found, holds));
    }
    desk->settle();
}

}  // namespace

TEST_CASE("F8: SQLite that fails at any call behind delivery costs work and no mail, and all is well when it heals",
          "[store][columns][search][F8]")
{
    const auto at = GENERATE(SqliteFaults::At::write, SqliteFaults::At::sync, SqliteFaults::At::read);
    const int code = GENERATE(SQLITE_IOERR, SQLITE_FULL);
    SqliteFaults faults;
    for (unsigned n = 1; n < 200; n += n < 10 ? 1 : 13) {
        Desk desk;
        for (int i = 0; i < 30; ++i) desk.deliver(letter(i));
        const auto inbox = desk.id("INBOX");
        faults.fail_at(n, at, code);
        work(desk, inbox);
        faults.heal();
        INFO("call " << n);
        desk.open();
        CHECK(desk.status().messages == 30);
        CHECK(desk.text(18) == letter(17));
        while (true) {
            const auto more = desk->fill_columns(std::chrono::milliseconds(50));
            REQUIRE(more);
            if (!*more) break;
        }
        CHECK(desk->columns(inbox, kAll)->size() == 30);
        work(desk, inbox);
        const auto found = desk->text_candidates(inbox, kAll, {{"nr 17"}});
        REQUIRE(found);
        desk.close();
        if (!faults.has_failed()) break;
    }
}

TEST_CASE("F8: a lock that is never free (SQLITE_BUSY), and pages that are none (CORRUPT, NOTADB), cost no mail",
          "[store][columns][search][F8]")
{
    struct Fault {
        SqliteFaults::At at;
        int code;
    };
    const auto fault = GENERATE(Fault{SqliteFaults::At::lock, SQLITE_BUSY}, Fault{SqliteFaults::At::read, SQLITE_CORRUPT},
                                Fault{SqliteFaults::At::read, SQLITE_NOTADB});
    SqliteFaults faults;
    for (unsigned n = 1; n < 60; n += n < 6 ? 1 : 11) {
        Desk desk;
        for (int i = 0; i < 20; ++i) desk.deliver(letter(i));
        desk.open();
        const auto inbox = desk.id("INBOX");
        faults.fail_at(n, fault.at, fault.code);
        work(desk, inbox);
        // A refusal, or done: never half of it.
        const auto added = desk->append(Desk::body(letter(99)), desk.incoming("INBOX"));
        faults.heal();
        INFO("call " << n << " code " << fault.code);
        desk.open();
        CHECK(desk.status().messages == (added ? 21U : 20U));
        CHECK(desk.text(18) == letter(17));
        while (true) {
            const auto more = desk->fill_columns(std::chrono::milliseconds(50));
            REQUIRE(more);
            if (!*more) break;
        }
        CHECK(desk->columns(inbox, kAll)->size() == (added ? 21U : 20U));
        desk.close();
        if (!faults.has_failed()) break;
    }
}
