"""getmail6: POP3S with a verified certificate, each message once, then deleting what was fetched."""
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase, message

GETMAIL = need("getmail")


class Getmail(BoxCase):
    accounts = 3

    def fetch(self, number, **options):
        home = self.box.folder / f"getmail{number}"
        for part in ("cur", "new", "tmp"):
            (home / "Maildir" / part).mkdir(parents=True, exist_ok=True)
        owner = ""
        if self.box.as_root:  # as whom getmail delivers nothing
            owner = f"user = {self.box.user}"
            for path in (home / "Maildir", *(home / "Maildir").iterdir()):
                shutil.chown(path, self.box.user)
        rows = "\n".join(f"{key} = {value}" for key, value in options.items())
        (home / "getmailrc").write_text(f"""[retriever]
type = SimplePOP3SSLRetriever
server = localhost
port = {self.box.ports['pop3s']}
username = {self.box.user_name(number)}
password = {self.box.password}
ca_certs = {self.box.ca_file}
timeout = 60

[destination]
type = Maildir
path = {home}/Maildir/
{owner}

[options]
verbose = 2
delivered_to = false
received = false
{rows}
""")
        said = self.run_client([GETMAIL, f"--getmaildir={home}", "--rcfile=getmailrc"], env={"HOME": str(home), "LC_ALL": "C.UTF-8"})
        return [path.read_bytes() for path in sorted((home / "Maildir" / "new").iterdir())], said

    def test_each_message_is_fetched_once_as_it_was_sent(self):
        sent = message("kept one", b"line\r\n.dot\r\n..\r\nend\r\n")
        self.box.deliver(sent, to=1)
        taken, _ = self.fetch(1, read_all="false", delete="false")
        self.assertEqual(len(taken), 1)
        self.assertTrue(taken[0].endswith(sent.replace(b"\r\n", b"\n")), taken)
        self.box.deliver(message("kept two"), to=1)
        taken, _ = self.fetch(1, read_all="false", delete="false")
        self.assertEqual(len(taken), 2)
        self.assertEqual(len(self.box.messages(1)), 2)

    def test_what_was_fetched_is_deleted(self):
        for n in range(3):
            self.box.deliver(message(f"taken {n}"), to=2)
        taken, _ = self.fetch(2, delete="true")
        self.assertEqual(len(taken), 3)
        self.assertEqual(self.box.messages(2), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
