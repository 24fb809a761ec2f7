// LIST in its extended forms, by the examples of the RFCs: 5258, 5819, 6154, 7889, 8438; 2342 and 2971 beside them.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

// A session whose account holds these mailboxes and no others but INBOX.
class Listing {
public:
    explicit Listing(const std::vector<std::string>& mailboxes, const std::vector<std::string>& subscribed) : client_(world_)
    {
        client_.log_in();
        for (const auto* use : {"Drafts", "Sent", "Junk", "Trash", "Archive"}) {
            must(client_.ask("a DELETE " + std::string(use)).starts_with("OK"), use);
            must(client_.ask("a UNSUBSCRIBE " + std::string(use)).starts_with("OK"), use);
        }
        must(client_.ask("a UNSUBSCRIBE INBOX").starts_with("OK"), "INBOX");
        for (const auto& name : mailboxes) must(client_.ask("a CREATE " + name).starts_with("OK"), name);
        for (const auto& name : subscribed) must(client_.ask("a SUBSCRIBE " + name).starts_with("OK"), name);
    }
    // Without the tagged line.
    std::string list(const std::string& arguments)
    {
        const auto all = client_.say("z LIST " + arguments + "\r\n");
        const std::string end = "z OK LIST completed\r\n";
        return all.ends_with(end) ? all.substr(0, all.size() - end.size()) : all;
    }
    Client& client() { return client_; }

private:
    World world_;
    Client client_;
};

std::string listed(const std::string& attributes, const std::string& name, const std::string& behind = {})
{
    return "* LIST (" + attributes + ") \"/\" \"" + name + "\"" + behind + "\r\n";
}

const std::string kNone = "\\HasNoChildren";
const std::string kSome = "\\HasChildren";
const std::string kInfo = " (\"CHILDINFO\" (\"SUBSCRIBED\"))";

}  // namespace

TEST_CASE("RFC 5258 5, examples 2 to 6: SUBSCRIBED selects and returns, REMOTE adds nothing", "[imap][list]")
{
    Listing box({"Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable/Broccoli", "Vegetable/Corn"},
                {"INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"});
    const std::string subscribed = listed(kNone + " \\Subscribed", "Fruit/Banana") +
                                   listed("\\NonExistent \\Subscribed", "Fruit/Peach") +
                                   listed(kNone + " \\Subscribed", "INBOX") + listed(kSome + " \\Subscribed", "Vegetable") +
                                   listed(kNone + " \\Subscribed", "Vegetable/Broccoli");
    CHECK(box.list("(SUBSCRIBED) \"\" \"*\"") == subscribed);
    CHECK(box.list("(REMOTE SUBSCRIBED) \"\" \"*\"") == subscribed);
    const std::string top = listed(kSome, "Fruit") + listed(kNone, "INBOX") + listed(kNone, "Tofu") + listed(kSome, "Vegetable");
    CHECK(box.list("() \"\" \"%\" RETURN (CHILDREN)") == top);
    CHECK(box.list("(REMOTE) \"\" \"%\" RETURN (CHILDREN)") == top);
    CHECK(box.list("(REMOTE) \"\" \"*\" RETURN (SUBSCRIBED)") ==
          listed(kSome, "Fruit") + listed(kNone, "Fruit/Apple") + listed(kNone + " \\Subscribed", "Fruit/Banana") +
              listed(kNone + " \\Subscribed", "INBOX") + listed(kNone, "Tofu") + listed(kSome + " \\Subscribed", "Vegetable") +
              listed(kNone + " \\Subscribed", "Vegetable/Broccoli") + listed(kNone, "Vegetable/Corn"));
}

TEST_CASE("RFC 5258 5, examples 7 and 10: several patterns list each mailbox once", "[imap][list]")
{
    Listing box({"Drafts", "Sent/March2004", "Sent/December2003", "Other"}, {});
    CHECK(box.list("\"\" (\"INBOX\" \"Drafts\" \"Sent/%\" \"D*\")") ==
          listed(kNone, "Drafts") + listed(kNone, "INBOX") + listed(kNone, "Sent/December2003") + listed(kNone, "Sent/March2004"));
}

TEST_CASE("RFC 5258 5, example 8: CHILDINFO tells of mailboxes below that are subscribed, CHILDREN of any", "[imap][list]")
{
    Listing box({"Foo/Bar", "Foo/Baz", "Moo"}, {"Foo/Baz"});
    CHECK(box.list("\"\" \"%\" RETURN (CHILDREN)") == listed(kSome, "Foo") + listed(kNone, "INBOX") + listed(kNone, "Moo"));
    CHECK(box.list("(SUBSCRIBED) \"\" \"*\"") == listed(kNone + " \\Subscribed", "Foo/Baz"));
    CHECK(box.list("(SUBSCRIBED) \"\" \"%\"").empty());
    CHECK(box.list("(SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"") == listed(kSome, "Foo", kInfo));
    REQUIRE(box.client().ask("a SUBSCRIBE Foo").starts_with("OK"));
    CHECK(box.list("(SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"") == listed(kSome + " \\Subscribed", "Foo", kInfo));
    REQUIRE(box.client().ask("a UNSUBSCRIBE Foo/Baz").starts_with("OK"));
    REQUIRE(box.client().ask("a SUBSCRIBE Moo").starts_with("OK"));
    CHECK(box.list("(SUBSCRIBED RECURSIVEMATCH) \"\" \"%\" RETURN (CHILDREN)") ==
          listed(kSome + " \\Subscribed", "Foo") + listed(kNone + " \\Subscribed", "Moo"));
    REQUIRE(box.client().ask("a UNSUBSCRIBE Foo").starts_with("OK"));
    REQUIRE(box.client().ask("a UNSUBSCRIBE Moo").starts_with("OK"));
    CHECK(box.list("(SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"").empty());
    // A2: above a subscribed name there need not be a mailbox.
    REQUIRE(box.client().ask("a SUBSCRIBE Gone/Below").starts_with("OK"));
    CHECK(box.list("(SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"") == listed("\\NonExistent", "Gone", kInfo));
    CHECK(box.list("(RECURSIVEMATCH) \"\" \"%\"").starts_with("z BAD"));
}

TEST_CASE("RFC 5258 5, example 9: CHILDINFO is not told where every mailbox below is listed itself", "[imap][list]")
{
    Listing box({"foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2/mamba", "qux2/bar2"},
                {"foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2", "eps2/mamba", "qux2/bar2"});
    const std::string sub = kNone + " \\Subscribed";
    CHECK(box.list("(RECURSIVEMATCH SUBSCRIBED) \"\" \"*2\"") ==
          listed(sub, "baz2/bar2") + listed(sub, "baz2/bar22") + listed(sub, "baz2/bar222") +
              listed(kSome + " \\Subscribed", "eps2", kInfo) + listed(kSome, "foo2", kInfo) + listed(sub, "foo2/bar2") +
              listed(sub, "qux2/bar2"));
}

TEST_CASE("RFC 5819 2: STATUS follows the LIST of its mailbox, and none that of a name without one", "[imap][list]")
{
    Listing box({"foo", "foo2"}, {"foo", "gone"});
    box.client().append(message("one"), "(\\Seen)", "foo");
    box.client().append(message("two"), "", "foo");
    CHECK(box.list("\"\" foo% RETURN (STATUS (MESSAGES UNSEEN))") ==
          listed(kNone, "foo") + "* STATUS \"foo\" (MESSAGES 2 UNSEEN 1)\r\n" + listed(kNone, "foo2") +
              "* STATUS \"foo2\" (MESSAGES 0 UNSEEN 0)\r\n");
    CHECK(box.list("(SUBSCRIBED) \"\" % RETURN (STATUS (MESSAGES))") ==
          listed(kNone + " \\Subscribed", "foo") + "* STATUS \"foo\" (MESSAGES 2)\r\n" +
              listed("\\NonExistent \\Subscribed", "gone"));
    for (const auto* bad : {"RETURN (STATUS)", "RETURN (STATUS ())", "RETURN (STATUS (COLOUR))", "RETURN (COLOUR)"}) {
        CHECK(box.list("\"\" % " + std::string(bad)).starts_with("z BAD"));
    }
}

TEST_CASE("RFC 8438 3, RFC 7889 3.2: SIZE is the sum of RFC822.SIZE, APPENDLIMIT what one message may have", "[imap][list]")
{
    Listing box({"foo"}, {});
    const auto one = message("one");
    box.client().append(one, "", "foo");
    box.client().append(one, "", "foo");
    const std::string limit = std::to_string(Options().max_append);
    CHECK(box.client().say("a STATUS foo (SIZE APPENDLIMIT)\r\n") ==
          "* STATUS \"foo\" (SIZE " + std::to_string(2 * one.size()) + " APPENDLIMIT " + limit + ")\r\na OK STATUS completed\r\n");
    CHECK(box.client().say("b CAPABILITY\r\n").find(" APPENDLIMIT=" + limit) != std::string::npos);
    CHECK(box.client().ask("c APPEND foo {" + std::to_string(Options().max_append + 1) + "}").starts_with("NO [TOOBIG]"));
}

TEST_CASE("RFC 6154 3, 5.2: CREATE gives a use, which (SPECIAL-USE) selects and every LIST shows", "[imap][list]")
{
    Listing box({"MySent", "Plain"}, {});
    CHECK(box.client().ask("a CREATE MyDrafts (USE (\\Drafts))").starts_with("OK"));
    CHECK(box.list("(SPECIAL-USE) \"\" \"*\"") == listed(kNone + " \\Drafts", "MyDrafts"));
    CHECK(box.list("\"\" \"My*\" RETURN (SPECIAL-USE)") == listed(kNone + " \\Drafts", "MyDrafts") + listed(kNone, "MySent"));
    CHECK(box.client().ask("b CREATE Odd (USE (\\Important))").starts_with("NO [USEATTR]"));
    CHECK(box.list("\"\" Odd").empty());
    CHECK(box.client().ask("c CREATE Odd (COLOUR (\\Drafts))").starts_with("BAD"));
}

TEST_CASE("RFC 2342 5, RFC 2971 3.3: one personal namespace; ID keeps to its bounds", "[imap][list]")
{
    Listing box({}, {});
    CHECK(box.client().say("a NAMESPACE\r\n") == "* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\r\na OK NAMESPACE completed\r\n");
    CHECK(box.client().ask("b ID NIL").starts_with("OK"));
    CHECK(box.client().ask("c ID (\"name\" \"x\" \"version\" NIL)").starts_with("OK"));
    CHECK(box.client().ask("d ID (\"" + std::string(31, 'n') + "\" \"x\")").starts_with("BAD"));
    CHECK(box.client().ask("e ID (\"name\" \"" + std::string(1025, 'n') + "\")").starts_with("BAD"));
    std::string fields;
    for (int i = 0; i < 31; ++i) fields += " \"n" + std::to_string(i) + "\" NIL";
    CHECK(box.client().ask("f ID (" + fields.substr(1) + ")").starts_with("BAD"));
    CHECK(box.client().ask("g ID (name x)").starts_with("BAD"));
}
