"""Mail that would go round for ever: two servers of ours whose aliases lead to each other. One report, and no storm."""
import email
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import Appliance, wait_until
from box_case import message


class Other(Appliance):
    domain = "other.test"


class Loop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Each needs the other's port before the other is there: routes are read again after the second has its ports.
        cls.here = Appliance(accounts=2)
        cls.there = Other(accounts=1, routes=[{"domain": "example.test", "host": f"127.0.0.1:{cls.here.ports['smtp']}"}])
        cls.here.routes = [{"domain": "other.test", "host": f"127.0.0.1:{cls.there.ports['smtp']}"}]
        cls.here.write_config()
        for box in (cls.here, cls.there):
            cls.enterClassContext(box)
        cls.here.ctl("alias", "add", "round@example.test", "round@other.test")
        cls.there.ctl("alias", "add", "round@other.test", "round@example.test")

    def passed(self):
        """How often either server has taken a message for the other."""
        return sum(box.metrics()["mailboxd_queue_entered_total"] for box in (self.here, self.there))

    def reports(self):
        found = []
        for number in (1, 2):
            for _, text in self.here.messages(number):
                parsed = email.message_from_bytes(text)
                if parsed.get_content_type() == "multipart/report":
                    found.append((number, parsed))
        return found

    def is_quiet(self):
        return all(box.metrics()["mailboxd_queue_messages"] == 0 for box in (self.here, self.there))

    def test_i1_two_servers_that_forward_to_each_other_end_in_one_report(self):
        before = self.passed()
        code, words = self.here.submit(message("round and round", sender=self.here.user_name(2)), "round@example.test", 2)
        self.assertEqual(code, 250, words)
        try:
            wait_until(self.reports, 120, "a report")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.here.log()[-3000:]}\n{self.there.log()[-3000:]}") from None
        wait_until(self.is_quiet, 60, "nothing goes round any more")
        [(number, report)] = self.reports()
        self.assertEqual(number, 2)
        status = report.get_payload()[1].as_string()
        self.assertRegex(status, r"Action: failed")
        self.assertIn("5.4.6", status)
        # The limit of hops, and the report's way back through the same servers; no more.
        self.assertLess(self.passed() - before, 260)
        self.assertGreater(self.passed() - before, 20)
        for box in (self.here, self.there):
            self.assertEqual(box.ctl_json("queue", "list")["messages"], [])

    def test_i2_a_report_that_would_go_round_ends_without_another(self):
        """With nobody to tell: the null reverse-path."""
        reports = len(self.reports())
        code, words = self.here.deliver(message("from nobody"), to="round@example.test", sender="")
        self.assertEqual(code, 250, words)
        wait_until(lambda: any("5.4.6" in self.last_story(box, address) for box, address in
                               ((self.here, "round@other.test"), (self.there, "round@example.test"))), 60, "the trace tells of the loop")
        wait_until(self.is_quiet, 60, "nothing goes round any more")
        self.assertEqual(len(self.reports()), reports)

    def last_story(self, box, address):
        """Of the newest message to an address."""
        rows = re.findall(r"^\d{4}-\S+ \S+  (\w{20})  <>", box.ctl("trace", address, check=False).stdout, re.M)
        return box.ctl("trace", rows[0]).stdout if rows else ""


if __name__ == "__main__":
    unittest.main(verbosity=2)
