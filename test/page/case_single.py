"""A book in one file, alone in its folder."""
import os
import shutil

from browser import Page


class Single(Page):
    scenario = "single"

    def test_it_needs_nothing_beside_it(self):
        alone = os.path.join(os.path.dirname(self.folder), "alone")
        os.makedirs(alone)
        shutil.copy(os.path.join(self.folder, "index.html"), alone)
        self.server.asked.clear()
        for url in ("file://" + alone + "/index.html", self.http):
            self.open("#conv2/17", url)
            self.until("document.querySelector('.card.marked img')")
            place, seen = 0, set()
            self.screen(1400, 3000)
            while place < self.js("return document.documentElement.scrollHeight"):
                self.js("window.scrollTo(0, arguments[0]); render()", place)
                self.until("[...document.querySelectorAll('.card img')].filter(i => {"
                           "const b = i.getBoundingClientRect(); return b.bottom > 0 && b.top < innerHeight;"
                           "}).every(i => i.complete && i.naturalWidth > 0)")
                seen |= {tuple(pair) for pair in self.js(
                    "return [...document.querySelectorAll('.card')].map(c => [c.dataset.layer, c.dataset.channel])")}
                place += 2400
            self.js("window.scrollTo(0, 0)")        # what was built before the strips were there
            self.until("(i => i.length && i.every(i => i.complete && i.naturalWidth > 0))("
                       "[...document.querySelectorAll('.card img')].slice(0, 18))")
            self.assertEqual(len(seen), sum(1 for _ in self.channels()))
            for name in self.js("return performance.getEntriesByType('resource').map(e => e.name)"):
                self.assertTrue(name.startswith("data:"), name[:80])
        self.assertEqual(self.server.asked, ["/index.html"])
