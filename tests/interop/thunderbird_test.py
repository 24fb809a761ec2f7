"""Thunderbird without a screen, driven through its remote protocol: a new profile finds folders and mail, hears of what comes
and of what others do by IDLE, reads, flags, moves, removes, searches on the server, makes a folder, saves a draft.

What is asserted is seen on the other side: by another IMAP session, or in what Thunderbird itself then shows."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need, wait_until
from box_case import BoxCase, message
from marionette import Thunderbird

THUNDERBIRD = need("thunderbird")
PATIENCE = 60
FOLDER = "Проекты & планы"
ON_THE_WIRE = "&BB8EQAQ+BDUEOgRCBEs- &- &BD8EOwQwBD0ESw-"

ACCOUNT = """
const [user, port, password, certificate] = arguments;
const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService)
  .rememberValidityOverride("localhost", port, {}, database.constructX509FromBase64(certificate), true);
const server = MailServices.accounts.createIncomingServer(user, "localhost", "imap");
server.port = port; server.socketType = Ci.nsMsgSocketType.SSL; server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
server.password = password; server.valid = true; server.loginAtStartUp = true;
const account = MailServices.accounts.createAccount();
account.incomingServer = server;
const identity = MailServices.accounts.createIdentity();
identity.email = user;
account.addIdentity(identity);
MailServices.accounts.defaultAccount = account;
server.performExpand(null);
server.getNewMessages(server.rootFolder.getChildNamed("INBOX"), null, null);
"""

# Names that the other scripts use: folder(name), message(folder, subject).
NAMES = """
const root = MailServices.accounts.accounts[0].incomingServer.rootFolder;
const folder = name => root.descendants.find(f => f.name.toLowerCase() == name.toLowerCase());
const header = (where, subject) => [...where.messages].find(m => m.mime2DecodedSubject == subject);
"""


class ThunderbirdTest(BoxCase):
    accounts = 1

    def run_in(self, script, *arguments):
        return self.bird.run(NAMES + script, *arguments)

    def wait_in(self, script, what, *arguments):
        return wait_until(lambda: self.run_in(script, *arguments), PATIENCE, "Thunderbird: " + what)

    def flags(self, subject, folder="INBOX"):
        """The flags that another session sees; None when the message is not there."""
        link = self.box.imap(1)
        link.select(f'"{folder}"', readonly=True)
        _, found = link.search(None, f'SUBJECT "{subject}"')
        flags = None
        if found[0]:
            _, data = link.fetch(found[0].split()[0], "(FLAGS)")
            flags = data[0]
        link.logout()
        return flags

    def wait_for_flag(self, flag, subject, folder="INBOX"):
        wait_until(lambda: flag in (self.flags(subject, folder) or b""), PATIENCE, f"{subject} has {flag}")

    def test_a_day_with_thunderbird(self):
        for number in range(1, 6):
            self.box.deliver(message(f"number {number}", f"words {number} needle{number}needle\r\n".encode()), to=1)
        with Thunderbird(THUNDERBIRD, self.box.folder / "thunderbird") as self.bird:
            certificate = "".join(line for line in self.box.ca_file.read_text().splitlines() if not line.startswith("-"))
            self.bird.run(ACCOUNT, self.box.user_name(1), self.box.ports["imaps"], self.box.password, certificate)
            self.folders_and_mail_are_found()
            self.what_comes_is_told_by_idle()
            self.reading_and_flagging_reach_the_server()
            self.what_another_client_does_is_told()
            self.moving_and_removing_work()
            self.the_server_searches()
            self.a_folder_with_a_unicode_name_is_made()
            self.a_draft_is_saved()
            self.the_text_of_a_message_is_loaded()

    def folders_and_mail_are_found(self):
        self.wait_in('return folder("INBOX") && folder("INBOX").getTotalMessages(false) == 5', "5 messages in INBOX")
        # CLIENTS: the attributes of LIST say which folder is which; a folder of Thunderbird's own would be a second one.
        for name, flag in (("Sent", "SentMail"), ("Drafts", "Drafts"), ("Trash", "Trash"), ("Junk", "Junk")):
            self.wait_in(f'const f = folder("{name}"); return f && f.getFlag(Ci.nsMsgFolderFlags.{flag})', f"{name} is {flag}")

    def what_comes_is_told_by_idle(self):
        """CLIENTS: Thunderbird overlooks an EXISTS inside the UID FETCH that it issues after IDLE: one message after the other,
        at once, must all arrive without being asked for."""
        for number in range(6, 10):
            self.box.deliver(message(f"number {number}"), to=1)
        self.wait_in('return !!header(folder("INBOX"), "number 9") && folder("INBOX").getTotalMessages(false) == 9',
                     "what was delivered meanwhile")

    def reading_and_flagging_reach_the_server(self):
        self.run_in('folder("INBOX").markMessagesRead([header(folder("INBOX"), "number 1")], true)')
        self.run_in('folder("INBOX").markMessagesFlagged([header(folder("INBOX"), "number 2")], true)')
        self.wait_for_flag(b"\\Seen", "number 1")
        self.wait_for_flag(b"\\Flagged", "number 2")
        self.run_in('folder("INBOX").addKeywordsToMessages([header(folder("INBOX"), "number 1")], "$label1")')
        self.wait_for_flag(b"$label1", "number 1")

    def what_another_client_does_is_told(self):
        link = self.box.imap(1)
        link.select("INBOX")
        for subject, flag in (("number 3", "\\Flagged"), ("number 4", "\\Deleted")):
            _, data = link.search(None, f'SUBJECT "{subject}"')
            link.store(data[0], "+FLAGS", f"({flag})")
        link.expunge()
        link.logout()
        self.wait_in('return header(folder("INBOX"), "number 3").isFlagged && !header(folder("INBOX"), "number 4")',
                     "another client's flag and removal")

    def moving_and_removing_work(self):
        self.run_in("""MailServices.copy.copyMessages(folder("INBOX"), [header(folder("INBOX"), "number 5")], folder("Junk"),
                       true, null, null, false)""")
        wait_until(lambda: self.flags("number 5", "Junk") is not None and self.flags("number 5") is None, PATIENCE, "moved to Junk")
        self.run_in("""MailServices.copy.copyMessages(folder("INBOX"), [header(folder("INBOX"), "number 3")], folder("Sent"),
                       false, null, null, false)""")
        wait_until(lambda: self.flags("number 3", "Sent") is not None, PATIENCE, "copied to Sent")
        self.assertIsNotNone(self.flags("number 3"))
        self.run_in('folder("INBOX").deleteMessages([header(folder("INBOX"), "number 6")], null, false, false, null, false)')
        wait_until(lambda: self.flags("number 6", "Trash") is not None and self.flags("number 6") is None, PATIENCE, "in Trash")

    def the_server_searches(self):
        found = self.run_in("""
            const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
            session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder("INBOX"));
            const term = session.createTerm(), value = term.value;
            value.attrib = term.attrib = Ci.nsMsgSearchAttrib.Body;
            value.str = arguments[0]; term.value = value; term.op = Ci.nsMsgSearchOp.Contains; term.booleanAnd = true;
            session.appendTerm(term);
            const hits = [];
            return new Promise(resolve => {
              session.registerListener({
                onSearchHit(message) { hits.push(message.mime2DecodedSubject); },
                onSearchDone() { resolve(hits); }, onNewSearch() {} });
              session.search(null);
            });""", "needle2needle")
        self.assertEqual(found, ["number 2"])

    def a_folder_with_a_unicode_name_is_made(self):
        self.run_in('root.createSubfolder(arguments[0], null)', FOLDER)

        def is_listed():
            link = self.box.imap(1)
            names = b"\n".join(link.list()[1])
            link.logout()
            return ON_THE_WIRE.encode() in names

        wait_until(is_listed, PATIENCE, "the folder that Thunderbird made")
        self.wait_in("return !!folder(arguments[0])", "shows the folder that it made", FOLDER)

    def a_draft_is_saved(self):
        path = self.box.folder / "draft.eml"
        path.write_bytes(message("a draft", "не готово\r\n".encode()))
        self.run_in("""
            const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
            file.initWithPath(arguments[0]);
            MailServices.copy.copyFileMessage(file, folder("Drafts"), null, true, Ci.nsMsgMessageFlags.Read, "", null, null);
            """, str(path))
        wait_until(lambda: self.flags("a draft", "Drafts") is not None, PATIENCE, "the draft is on the server")
        self.assertIn("не готово".encode(), self.only_message(1, "Drafts"))

    def the_text_of_a_message_is_loaded(self):
        text = self.run_in("""
            const inbox = folder("INBOX"), one = header(inbox, "number 1");
            const service = MailServices.messageServiceFromURI(inbox.getUriForMsg(one));
            return new Promise((resolve, reject) => {
              const listener = { data: "", onStartRequest() {}, onStopRequest(request, status) { resolve(this.data); },
                onDataAvailable(request, stream, offset, count) {
                  const reader = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
                  reader.init(stream);
                  this.data += reader.read(count); },
                QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]) };
              service.streamMessage(inbox.getUriForMsg(one), listener, null, null, false, "", false);
            });""")
        self.assertIn("needle1needle", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
