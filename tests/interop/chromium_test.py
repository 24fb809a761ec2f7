"""Chromium opens the status page: real figures reach it, it fits the smallest screen, and its console stays empty."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from appliance import need
from box_case import BoxCase, message
from browser import Browser

CHROMIUM = need("chromium")
HAS_READ = "document.getElementById('refreshed').textContent.trim()"


class Chromium(BoxCase):
    accounts = 3

    def browser(self, **size):
        return Browser(CHROMIUM, self.box.folder / f"profile-{size.get('width', 0)}", **size)

    def open(self, browser):
        browser.open(f"http://127.0.0.1:{self.box.ports['http']}/", until=HAS_READ)

    def test_the_page_shows_what_the_server_is(self):
        self.box.deliver(message("counted by the page"))
        status = json.loads(self.box.http("/api/v1/status")[1])
        with self.browser() as browser:
            self.open(browser)

            def text(element):
                return browser.evaluate(f"document.getElementById('{element}').textContent")

            self.assertIn(status["version"], text("version"))
            self.assertEqual(text("hostname"), status["hostname"])
            self.assertEqual(text("accounts"), "3")
            self.assertEqual(text("messages"), str(status["messages_in"]))
            self.assertGreaterEqual(status["messages_in"], 1)
            rows = browser.evaluate("[...document.querySelectorAll('#listener-rows tr')].map(row => row.cells[1].textContent)")
            self.assertEqual(rows, [listener["endpoint"] for listener in status["listeners"]])
            self.assertRegex(text("disk"), r"\d")
            self.assertIn(browser.evaluate("document.getElementById('state').dataset.state"), ("good", "warn"))
            self.assertEqual(browser.console, [], "errors, or violations of the content security policy")

    def test_the_policy_is_in_force_and_its_violations_are_seen(self):
        with self.browser() as browser:
            self.open(browser)
            browser.evaluate("""new Promise((done) => {
                document.addEventListener('securitypolicyviolation', done, { once: true });
                document.head.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }));
            }).then(() => true)""")
            self.assertIsNone(browser.evaluate("window.ran"))
            self.assertIn("Content Security Policy", json.dumps(browser.console))

    def test_the_smallest_screen_needs_no_sideways_scrolling(self):
        with self.browser(width=360, height=800) as browser:
            self.open(browser)
            self.assertEqual(browser.evaluate("innerWidth"), 360)
            self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), 360)

    def test_every_control_has_a_name_and_every_link_leads_somewhere(self):
        with self.browser() as browser:
            self.open(browser)
            nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
            named = ("link", "button", "heading", "progressbar", "ProgressIndicator", "region", "table")
            for node in nodes:
                if node.get("ignored") or node["role"]["value"] not in named:
                    continue
                if node["role"]["value"] != "table":
                    self.assertTrue(node.get("name", {}).get("value"), node)
            self.assertEqual(len([n for n in nodes if n["role"]["value"] == "heading"]), 4)
            links = browser.evaluate("[...document.links].map(link => link.getAttribute('href'))")
            for link in links:
                if not link.startswith("#"):
                    self.assertEqual(self.box.http(link)[0], 200, link)


if __name__ == "__main__":
    unittest.main(verbosity=2)
