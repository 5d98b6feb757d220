"""browser.py - books, a server on loopback, and a headless Chromium that reads them."""
import functools
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

MAKER = FOLDER = None
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def missing():
    return None if BROWSER and DRIVER else "chromedriver" if BROWSER else "chromium"


@functools.lru_cache(maxsize=None)
def book(scenario):
    """The folder of a book, made once."""
    folder = os.path.join(FOLDER, scenario)
    subprocess.run([MAKER, scenario, folder], check=True)
    return folder


@functools.lru_cache(maxsize=None)
def atlas(scenario):
    with open(os.path.join(book(scenario), "atlas.json"), encoding="utf-8") as file:
        return json.load(file)


def address(layer, channel=None):
    """A channel's permanent address."""
    name = urllib.parse.quote(layer, safe="/")
    return "#" + name + ("" if channel is None else f"/{channel}")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()


class Page(unittest.TestCase):
    """A browser for each class of tests; what it complains of fails the test."""
    scenario = "small"

    @classmethod
    def setUpClass(cls):
        cls.profile = tempfile.mkdtemp(prefix="profile-", dir=FOLDER)
        options = Options()
        options.binary_location = BROWSER
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                         "--disable-dev-shm-usage", "--force-color-profile=srgb",
                         "--disable-background-networking", "--no-first-run",
                         "--window-size=1400,1000", f"--user-data-dir={cls.profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        cls.driver.set_page_load_timeout(60)
        cls.folder = book(cls.scenario)
        cls.atlas = atlas(cls.scenario)
        cls.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=cls.folder))
        cls.server.asked = []
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.http = f"http://127.0.0.1:{cls.server.server_address[1]}/index.html"
        cls.file = "file://" + urllib.parse.quote(cls.folder) + "/index.html"

    @classmethod
    def tearDownClass(cls):
        cls.driver.quit()
        cls.server.shutdown()
        cls.server.server_close()
        shutil.rmtree(cls.profile, ignore_errors=True)

    def setUp(self):
        self.screen(1400, 1000)
        self.media("light")

    def tearDown(self):
        self.js("try { localStorage.clear(); } catch (error) { }")
        complaints = [entry["message"] for entry in self.driver.get_log("browser")]
        self.assertEqual(complaints, [])

    # -- the browser --

    def screen(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def media(self, scheme):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, place="", url=None):
        self.driver.get("about:blank")
        self.driver.get((url or self.file) + place)

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def until(self, code, *arguments, what=None):
        """Waits until the expression is true, and returns its value."""
        end = time.monotonic() + 15
        while True:
            value = self.js("return " + code, *arguments)
            if value or time.monotonic() > end:
                self.assertTrue(value, what or f"never true: {code}")
                return value
            time.sleep(0.02)

    def key(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    # -- the book --

    def channels(self):
        for number, layer in enumerate(self.atlas["layers"]):
            for channel in layer["channels"]:
                yield number, layer, channel

    def marked(self):
        return self.js("const c = document.querySelector('.card.marked');"
                       "return c && [Number(c.dataset.layer), Number(c.dataset.channel)]")

    def seen(self):
        """Of the marked card: is all of it on the screen, below the bar?"""
        return self.js("""
            const card = document.querySelector('.card.marked').getBoundingClientRect();
            const bar = document.getElementById('bar').getBoundingClientRect();
            return card.top >= bar.bottom - 1 && card.bottom <= innerHeight + 1;""")


__all__ = ["ActionChains", "By", "Keys", "Page", "address", "atlas", "book"]
