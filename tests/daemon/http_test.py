"""/healthz, /readyz, /metrics (checked by promtool), the status page with real data; K1 to K3 over raw sockets."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need, wait_until
from box_case import BoxCase, message
from conversation import Conversation

PROMTOOL = need("promtool")


class Http(BoxCase):
    accounts = 3

    def raw(self, data):
        with Conversation(self.box.host, self.box.ports["http"]) as link:
            link.send(data)
            try:
                link.socket.shutdown(1)
            except OSError:
                pass
            return link.rest()

    def test_health_and_readiness(self):
        for path in ("/healthz", "/readyz"):
            status, _, headers = self.box.http(path)
            self.assertEqual(status, 200)
            self.assertEqual(headers["Cache-Control"], "no-store")

    def test_metrics_are_well_formed_and_count(self):
        text = self.box.http("/metrics")[1]
        said = self.run_client([PROMTOOL, "check", "metrics"], text=text)
        self.assertNotIn("error", said.lower())
        before = self.box.metrics()
        self.box.deliver(message("counted"))
        after = self.box.metrics()
        grown = {name for name in after if after[name] > before.get(name, 0)}
        self.assertTrue(any("smtp" in name or "message" in name for name in grown), grown)

    def status(self):
        """The document behind the status page."""
        for path in ("/api/v1/status", "/status.json", "/status"):
            code, body, headers = self.box.http(path)
            if code == 200 and "json" in headers.get("Content-Type", ""):
                return json.loads(body)
        self.fail("no JSON status")

    def test_the_status_page_shows_real_data(self):
        code, page, headers = self.box.http("/")
        self.assertEqual(code, 200)
        self.assertIn("text/html", headers["Content-Type"])
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("Content-Security-Policy", headers)
        self.assertNotIn("unsafe-inline", headers["Content-Security-Policy"])
        self.assertIn(b"mailboxd", page)
        before = json.dumps(self.status())
        self.assertIn(str(self.box.ports["smtp"]), before, "the listeners are the real ones")
        link = self.box.imap(1)
        self.box.deliver(message("shown"))
        wait_until(lambda: json.dumps(self.status()) != before, 20, "the status follows")
        link.logout()

    def test_k1_requests_that_could_be_read_in_two_ways(self):
        here = b"Host: localhost\r\n"
        bad = {
            "length and chunked": b"POST / HTTP/1.1\r\n" + here + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "two lengths": b"POST / HTTP/1.1\r\n" + here + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
            "xchunked": b"POST / HTTP/1.1\r\n" + here + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "obs-fold": b"GET / HTTP/1.1\r\n" + here + b"X: a\r\n b\r\n\r\n",
            "bare LF": b"GET / HTTP/1.1\nHost: localhost\n\n",
            "space before colon": b"GET / HTTP/1.1\r\n" + here + b"X : a\r\n\r\n",
            "hexadecimal length": b"POST / HTTP/1.1\r\n" + here + b"Content-Length: 0x10\r\n\r\n",
            "negative length": b"POST / HTTP/1.1\r\n" + here + b"Content-Length: -1\r\n\r\n",
            "2^64": b"POST / HTTP/1.1\r\n" + here + b"Content-Length: 18446744073709551616\r\n\r\n",
            "no host": b"GET / HTTP/1.1\r\n\r\n",
            "two hosts": b"GET / HTTP/1.1\r\n" + here + here + b"\r\n",
            "HTTP/0.9": b"GET /\r\n",
            "a NUL": b"GET /\0 HTTP/1.1\r\n" + here + b"\r\n",
            "a megabyte of chunk extension": b"POST / HTTP/1.1\r\n" + here + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 1_000_000,
            "a megabyte of headers": b"GET / HTTP/1.1\r\n" + here + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n",
            "10,000 headers": b"GET / HTTP/1.1\r\n" + here + b"X: y\r\n" * 10_000 + b"\r\n",
        }
        follow = b"GET /healthz HTTP/1.1\r\n" + here + b"\r\n"
        for name, request in bad.items():
            with self.subTest(name):
                said = self.raw(request + follow)
                if name == "obs-fold" and not said:
                    continue
                self.assertRegex(said[:12].decode("latin-1"), r"^(HTTP/1\.1 (4\d\d|50[15])|)$", said[:200])
                self.assertNotIn(b"200 OK", said, "the connection is not used again")

    def test_k2_foreign_host_and_absolute_uri(self):
        for request in (b"GET / HTTP/1.1\r\nHost: evil.sample.test\r\n\r\n",
                        b"GET http://evil.sample.test/ HTTP/1.1\r\nHost: evil.sample.test\r\n\r\n"):
            self.assertRegex(self.raw(request)[:12], rb"HTTP/1.1 4\d\d")
        said = self.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Host: evil.sample.test\r\n\r\n")
        self.assertNotIn(b"evil", said)

    def test_k3_paths(self):
        for path in (b"/../etc/passwd", b"/%2e%2e/etc/passwd", b"/%2e%2e%2fetc%2fpasswd", b"/%00", b"//etc/passwd", b"/\\etc",
                     b"/%c0%ae%c0%ae/", b"/" + b"a" * 65536, b"/assets/../../../etc/passwd", b"/.git/config", b"/nothing"):
            said = self.raw(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            self.assertRegex(said[:12], rb"HTTP/1.1 4\d\d", path[:60])
            self.assertNotIn(b"root:", said)

    def test_nothing_is_changed_from_the_page_side(self):
        """Administration is on the control socket only until the console brings log-in."""
        for method, path in (("POST", "/api/v1/stop"), ("POST", "/api/v1/reload"), ("POST", "/api/v1/accounts"),
                             ("DELETE", "/api/v1/accounts/user0002@example.test"), ("GET", "/api/v1/accounts")):
            self.assertIn(self.box.http(path, method)[0], (401, 403, 404, 405), f"{method} {path}")
        self.assertEqual(self.box.imap(2).logout()[0], "BYE")


if __name__ == "__main__":
    unittest.main(verbosity=2)
