"""The mouse: facts of a picture, its partner, the large view, sizes, paper."""
import base64

from browser import ActionChains, Page


class Pointing(Page):
    def tile(self, channel, place):
        return self.js("return cardOf(channelsOf(layers[1])[arguments[0]]).querySelectorAll('.tile')"
                       "[arguments[1]]", channel, place)

    def test_facts_of_what_is_pointed_at(self):
        self.open("#conv2/16")
        for place in (2, 9 + 5):
            ActionChains(self.driver).move_to_element(self.tile(16, place)).perform()
            unit = self.atlas["layers"][1]["channels"][16]["top"][place % 9]
            text = self.until("document.querySelector('.telling .facts').innerText")
            self.assertIn(f"picture {unit['picture']:,}", text)
            self.assertIn(unit["class"].replace("\u2028", ""), text.replace("\n", "").replace("\u2028", ""))
            self.assertIn(f"row {unit['y']}, column {unit['x']}", text)
            lit = self.js("return [...document.querySelectorAll('.lit[data-unit]')].map(t => +t.dataset.unit)")
            self.assertEqual(lit, [place % 9] * 3, "patch, projection and bar")
        box, place = unit["box"], self.js("""
            const all = document.querySelector('.telling .map-all').getBoundingClientRect();
            const box = document.querySelector('.telling .map-box').getBoundingClientRect();
            return [(box.top - all.top) / all.height, (box.left - all.left) / all.width,
                    box.height / all.height, box.width / all.width];""")
        side = self.atlas["input"]["h"]
        wanted = [box["top"], box["left"], box["bottom"] - box["top"], box["right"] - box["left"]]
        for got, pixels in zip(place, wanted):
            self.assertAlmostEqual(got, pixels / side, delta=0.07)
        ActionChains(self.driver).move_to_element(self.one("#query")).perform()
        self.until("!document.querySelector('.telling')")
        self.assertEqual(self.js("return document.querySelectorAll('.card .lit').length"), 0)

    def test_a_click_enlarges_and_a_click_beside_closes(self):
        self.open("#conv2/16")
        self.tile(16, 9 + 4).click()
        self.until("document.getElementById('view').open")
        self.assertEqual(self.one("#view-title").text, "conv2/16")
        self.assertEqual(self.one("#view-place").text, "5 of 9")
        self.one("#view-next").click()
        self.assertEqual(self.one("#view-place").text, "6 of 9")
        ActionChains(self.driver).move_by_offset(0, 0).move_to_element_with_offset(
            self.one("#view"), -690, 0).click().perform()
        self.until("!document.getElementById('view').open")

    def test_from_a_picture_to_the_channels_that_it_excites(self):
        self.open("#conv2/16")
        self.tile(16, 0).click()
        self.until("document.getElementById('view').open")
        self.one("#view-others").click()
        picture = self.atlas["layers"][1]["channels"][16]["top"][0]["picture"]
        self.assertEqual(self.one("#query").get_property("value"), f"picture:{picture}")
        self.until("!document.getElementById('view').open")
        n = sum(any(u["picture"] == picture for u in c["top"]) for _, _, c in self.channels())
        self.assertTrue(self.one("#found").text.startswith(f"{n} of "))

    def test_sizes_keep_the_place(self):
        self.open("#conv2/31")
        widths = []
        for size in ("small", "large", "medium"):
            self.one(f"#size input[value={size}]").find_element("xpath", "..").click()
            self.until("currentLayer === 1")
            widths.append(self.js("return document.querySelector('.tile').getBoundingClientRect().width"))
            tile = self.js("const b = document.querySelector('.tile').getBoundingClientRect();"
                           "return b.width / b.height")
            self.assertAlmostEqual(tile, 1, places=3)
        self.assertTrue(widths[0] < widths[2] < widths[1], widths)

    def test_totals_choose_a_kind(self):
        self.open()
        for button in self.all(".totals button"):
            if "dead" in button.text:
                button.click()
                break
        self.assertEqual(self.one("#kind").get_property("value"), "dead")

    def test_paper(self):
        self.open()
        pages = self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
        pdf = base64.b64decode(pages["data"])
        self.assertEqual(pdf[:5], b"%PDF-")
        self.assertGreater(pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page "), 5)
        self.until("document.querySelectorAll('.card').length < 60")
