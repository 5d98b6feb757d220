"""What a reader sees: pictures, colours, words from outside; what the page asks the network for."""
import urllib.parse

from browser import Keys, Page

# Texts on the screen whose colour is too near the one behind them: below 4.5 to 1 (WCAG 2, AA).
FAINT = """
const rgb = text => (text.match(/[0-9.]+/g) || []).map(Number);
const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92
    : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const text = getComputedStyle(e).backgroundColor;
    const c = rgb(text); const scale = text.startsWith('color(') ? 255 : 1;
    if (c.length === 3 || c[3] > 0.85) return c.slice(0, 3).map(v => v * scale); }
    return [255, 255, 255]; };
const faint = [];
let n = 0;
for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(c => c.nodeType === 3 && c.textContent.trim());
    if (!own || !e.checkVisibility({ visibilityProperty: true }) || e.closest('.unseen,script,option'))
        continue;
    const a = light(rgb(getComputedStyle(e).color)), b = light(behind(e));
    n++;
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5)
        faint.push(e.className + ': ' + e.textContent.slice(0, 30));
}
return [n, faint];
"""

# Of the cards that are wholly on the screen: the sizes of their pictures; null before all are there.
IMAGES = """(() => {
render();
const channels = {};
for (const image of document.querySelectorAll('.card img')) {
    const box = image.closest('.card').getBoundingClientRect(), card = image.closest('.card').dataset;
    if (box.top < 0 || box.bottom > innerHeight) continue;
    if (!image.complete) return null;
    const key = card.layer + '/' + card.channel;
    (channels[key] = channels[key] || []).push([image.complete, image.naturalWidth, image.naturalHeight]);
}
return channels;
})()"""


class Look(Page):
    def sweep(self):
        """Scrolls through the book; {channel: sizes of its images}."""
        seen, place = {}, 0
        self.screen(1400, 3000)
        while True:
            self.js("window.scrollTo(0, arguments[0])", place)
            seen.update(self.until(IMAGES, what="pictures are never loaded"))
            place += 2400
            if place > self.js("return document.documentElement.scrollHeight"):
                return seen

    def check_images(self, url):
        self.open(url=url)
        seen = self.sweep()
        with_units = 0
        for number, layer, channel in self.channels():
            n = len(channel["top"])
            if n:
                with_units += 1
                images = seen[f"{number}/{channel['channel']}"]
                self.assertEqual(len(images), 2 * n)
                for image in images:
                    self.assertEqual(image, [True, 2 * n * layer["tile"][1], layer["tile"][0]])
        self.assertEqual(with_units, len(seen))

    def test_every_picture_decodes_from_file(self):
        self.check_images(self.file)

    def test_every_picture_decodes_over_http_and_nothing_else_is_asked_for(self):
        self.server.asked.clear()
        self.check_images(self.http)
        strips = {"/" + urllib.parse.quote(c["strip"]) for _, _, c in self.channels() if c["strip"]}
        asked = {urllib.parse.unquote(path) for path in self.server.asked}
        self.assertEqual(asked, {urllib.parse.unquote(s) for s in strips} | {"/index.html"})
        base = self.http[:-len("index.html")]
        for entry in self.js("return performance.getEntriesByType('resource').map(e => e.name)"):
            self.assertTrue(entry.startswith(base + "tiles-"), entry)

    def test_strips_are_cut_where_their_tiles_begin(self):
        """The colour in the middle of a shown tile is that of the strip there."""
        self.open("#conv2/4")
        differences = self.until("""(() => {
            const card = document.querySelector('.card.marked');
            const images = [...card.querySelectorAll('img')];
            if (!images.every(i => i.complete)) return null;
            return images.map((image, i) => {
                const box = image.getBoundingClientRect(), fit = getComputedStyle(image);
                const wide = box.height * image.naturalWidth / image.naturalHeight;
                const left = (box.width - wide) * parseFloat(fit.objectPosition) / 100;
                const column = (box.width / 2 - left) / wide * images.length;
                return [fit.objectFit, Math.abs(column - i - 0.5)];
            }); })()""")
        self.assertEqual(len(differences), 18)
        for fit, difference in differences:
            self.assertEqual(fit, "cover")
            self.assertLess(difference, 0.02)

    def test_text_is_legible_in_both_themes(self):
        for scheme in ("light", "dark"):
            with self.subTest(scheme):
                self.media(scheme)
                self.open("#conv1/7")
                self.assertEqual(self.js("return document.documentElement.dataset.theme"), scheme)
                for step in ("", "n", "search('dead')", "search('frog')", "search('')",
                             "openView(channelsOf(layers[1])[3], 2)", "byId('view').close()",
                             "byId('help').showModal()"):
                    if step:
                        self.js(step if step != "n" else "goTo(layers[1])")
                    count, faint = self.js(FAINT)
                    self.assertGreater(count, 30)
                    self.assertEqual(faint, [])

    def test_theme_follows_the_system_until_it_is_chosen(self):
        paper = "return getComputedStyle(document.body).backgroundColor"
        self.media("dark")
        self.open()
        dark = self.js(paper)
        self.media("light")
        self.until("document.documentElement.dataset.theme === 'light'")
        light = self.js(paper)
        self.assertNotEqual(dark, light)
        self.key("t")
        self.assertEqual(self.js(paper), dark)
        self.open()
        self.assertEqual(self.js(paper), dark, "a choice is kept")
        self.one("#theme").click()              # dark -> as the system
        self.assertEqual(self.js(paper), light)

    def test_words_from_outside_are_text(self):
        self.open("#fc/0")
        self.assertEqual(self.one(".card.marked .own-class").text, "<script>alert(1)</script>")
        self.assertEqual(self.one("h1").text, self.atlas["title"])
        self.assertEqual(self.driver.title, self.atlas["title"])
        self.js("window.scrollTo(0, 0)")
        self.one("#query").send_keys("<script>alert")
        self.until("document.getElementById('found').textContent.includes(' of ')")
        self.assertTrue(self.all(".card"))
        # What is neither ours nor in a script's text is no element.
        self.assertEqual(self.js("return [...document.querySelectorAll('script')].filter(s =>"
                                 "!s.type && !s.textContent.startsWith('/* book_data.js')).length"), 0)
        self.assertEqual(self.js("return document.querySelectorAll('img[onerror],h1 b').length"), 0)
        names = self.js("return book.classes")
        self.assertEqual(names, self.atlas["classes"])
        self.assertIn("two\u2028lines", names)
        self.assertIn("\\xff\\xfe bytes", names)

    def test_a_foreign_script_may_not_run(self):
        self.open()
        self.js("const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
                "document.head.append(s); const i = document.createElement('img');"
                "i.src = 'https://example.invalid/x.png'; document.body.append(i);")
        self.assertIsNone(self.js("return window.ran"))
        log = [entry["message"] for entry in self.driver.get_log("browser")]
        self.assertEqual(len(log), 2, log)
        self.assertTrue(all("Content Security Policy" in message for message in log), log)

    def test_a_phone_needs_no_sideways_scrolling(self):
        self.screen(360, 740)
        for place in ("", "#conv1/3", "#fc"):
            self.open(place)
            self.assertLessEqual(self.js("return document.documentElement.scrollWidth"), 360)
        side = "getComputedStyle(document.getElementById('side')).visibility === "
        self.until(side + "'hidden'")
        self.one("#menu").click()
        self.until(side + "'visible'")
        self.key(Keys.ESCAPE)
        self.until(side + "'hidden'")

    def test_headings_and_landmarks(self):
        self.open()
        levels = self.js("return [...document.querySelectorAll('.body h1,.body h2,.body h3')]"
                         ".map(h => Number(h.tagName[1]))")
        self.assertEqual(levels[0], 1)
        self.assertEqual(levels.count(1), 1)
        self.assertTrue(all(b - a <= 1 for a, b in zip(levels, levels[1:])))
        for landmark in ("nav[aria-label]", "main", "header.cover", "form[role=search]", "footer"):
            self.assertEqual(len(self.all(landmark)), 1, landmark)
        unit = self.atlas["layers"][0]["channels"][0]["top"][0]
        box, alts = unit["box"], self.js("return [...document.querySelector('.card')"
                                         ".querySelectorAll('img')].map(i => i.alt)")
        self.assertEqual(alts[0], f"patch of picture {unit['picture']} ({unit['class']}), value "
                         f"{float('%.3g' % unit['value']):g}, rows {box['top']}-{box['bottom'] - 1}, "
                         f"columns {box['left']}-{box['right'] - 1}")
        self.assertEqual(alts[9:], ["its projection"] * 9)

    def test_without_scripts_it_says_what_to_do(self):
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            self.open()
            text = self.one("noscript").get_property("textContent") or self.one("body").text
            self.assertIn("atlas.json", text)
        finally:
            self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


    def test_the_choices_stand_in_one_line_where_there_is_room(self):
        line = """const bar = document.getElementById('bar').getBoundingClientRect();
            return ['query', 'sort', 'kind', 'contrast', 'size'].every(id => {
                const e = document.getElementById(id), b = e.getBoundingClientRect();
                return e.checkVisibility() && b.width > 40 && b.left >= bar.left && b.right <= bar.right &&
                    b.top < bar.top + 20; });"""
        for width, wanted in ((1280, True), (1180, True), (1400, True), (2560, True), (900, True),
                              (1000, False), (700, False)):
            with self.subTest(width):
                self.screen(width, 800)
                self.open()
                self.assertEqual(self.js(line), wanted)
                self.assertLessEqual(self.js("return document.documentElement.scrollWidth"), width)
                self.assertEqual(self.one("#more").is_displayed(), not wanted)
                if width > 1100:
                    self.assertGreater(self.one("#query").size["width"], 160)

    def test_a_wide_screen_is_used(self):
        self.screen(2560, 1300)
        self.open("#conv2")
        right = self.js("return Math.max(...[...document.querySelectorAll('#layer-1, .card')]"
                        ".map(c => c.getBoundingClientRect().right))")
        self.assertGreater(right, 0.93 * 2560)

    def test_reasons_and_names_are_whole(self):
        for width in (1400, 1280, 1000, 360):
            self.screen(width, 3000)
            self.open()
            cut = self.until("""(() => { const r = [...document.querySelectorAll('.numbers .reason')];
                return r.length > 1 && r.map(e => [e.scrollHeight - e.clientHeight, e.textContent]); })()""")
            self.assertEqual([c for c in cut if c[0] > 0], [], width)
            wide = self.js("""return [...document.querySelectorAll('.range')].filter(r =>
                r.getBoundingClientRect().right > r.closest('.foot').getBoundingClientRect().right + 1)
                .map(r => r.textContent)""")
            self.assertEqual(wide, [], width)
            # A name is cut only where its bar is as short as it may be.
            cut = self.js("""return [...document.querySelectorAll('.classes li')].filter(li =>
                li.children[0].scrollWidth > li.children[0].clientWidth &&
                li.children[1].clientWidth > 0.25 * li.clientWidth).map(li => li.textContent)""")
            self.assertEqual(cut, [], width)

    def test_the_side_names_all_kinds(self):
        self.open()
        rows = self.js("return [...document.querySelectorAll('a.box')].map(b => ["
                       "b.querySelector('.box-dead').title, b.querySelector('.box-dead').innerText])")
        for (title, shown), layer in zip(rows, self.atlas["layers"]):
            counts = [(sum(c["kind"] == kind for c in layer["channels"]), kind)
                      for kind in ("dead", "saturated", "duplicate")]
            self.assertEqual(title, ", ".join(f"{n} {kind}" for n, kind in counts if n))
            for n, _ in counts:
                self.assertTrue(not n or str(n) in shown, shown)

    def test_a_layer_of_one_unit_sees_the_whole_picture(self):
        self.open("#fc")
        facts = self.js("return [...document.querySelectorAll('.layer-facts')].map(e => e.textContent)")
        self.assertEqual(facts[3], "1 × 1 × 10 · sees the whole picture · 10 channels")
        self.assertEqual(facts[1], "6 × 6 × 64 · sees 16 × 16 pixels · stride 4 · 64 channels")
        self.js("openView(channelsOf(layers[3])[1], 0)")
        text = self.one("#view-facts").text
        self.assertIn("the whole picture", text)
        self.assertNotIn("row", text)

    def test_the_search_proposes_words_of_this_book(self):
        self.open()
        self.assertEqual(self.one("#query").get_attribute("placeholder"),
                         "Search: conv1, conv2/17, 17, a class, dead")


class Few(Page):
    scenario = "few"

    def test_cards_are_laid_out_by_what_is_there(self):
        self.screen(1400, 9000)
        self.open()
        self.assertIn("the 4 pictures that excite", self.one("#lead").text)
        cards = self.until("""(() => {
            const cards = [...document.querySelectorAll('.card')].filter(c => c.querySelector('.tile'));
            return cards.length > 50 && cards.map(card => {
                const bottom = card.getBoundingClientRect().bottom;
                const tiles = [...card.querySelector('.tiles').children];
                return [+card.dataset.layer, +card.dataset.channel, tiles.length,
                    new Set(tiles.map(t => t.offsetLeft)).size,
                    bottom - Math.max(...[...card.querySelectorAll('.values,.fires,.reason')]
                        .map(e => e.getBoundingClientRect().bottom)),
                    card.scrollHeight - card.clientHeight]; }); })()""")
        for layer, channel, tiles, columns, band, over in cards:
            most = (1, 3, 4, 3)[layer]
            name = f"{layer}/{channel}"
            self.assertEqual(tiles, most, name)
            self.assertEqual(columns, {1: 1, 3: 3, 4: 2}[most], name)
            self.assertLess(band, 36, name)
            self.assertLessEqual(over, 0, name)

    def test_columns_for_each_number_of_pictures(self):
        self.open()
        columns = self.js("return [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 25].map(columnsFor)")
        self.assertEqual(columns, [1, 2, 3, 2, 3, 3, 4, 4, 3, 5, 4, 4, 5])

    def test_facts_stand_where_the_summary_stood(self):
        self.open("#conv2/3")
        self.js("showFacts(cardOf(marked), marked, 0)")
        self.assertTrue(self.js("""
            const foot = document.querySelector('.telling .foot').getBoundingClientRect();
            return [...document.querySelectorAll('.telling .facts *')].every(e =>
                e.getBoundingClientRect().bottom <= foot.bottom + 1)"""))


class Bare(Page):
    scenario = "bare"

    def test_one_channel_one_pixel_no_labels(self):
        self.open()
        self.assertEqual(len(self.all(".card")), 1)
        self.assertEqual(len(self.all(".classes li")), 0)
        self.assertNotIn("(", self.one(".card img").get_attribute("alt"))
        self.until("[...document.querySelectorAll('.card img')].every(i => i.naturalWidth === 18)")
        self.key("j", Keys.ENTER)
        self.until("document.getElementById('view').open")


class Residual(Page):
    scenario = "residual"

    def test_every_layer_has_a_box_and_a_line_from_where_it_comes(self):
        self.open()
        boxes = self.js("return [...document.querySelectorAll('a.box')].map(b => [b.getAttribute('href'),"
                        "b.querySelector('.box-shape').textContent, b.querySelector('.box-dead').textContent])")
        wires = {tuple(pair) for pair in self.js(
            "return [...document.querySelectorAll('.wire')].map(w => [w.dataset.from, w.dataset.to])")}
        self.assertEqual(len(boxes), len(self.atlas["layers"]))
        for number, (layer, box) in enumerate(zip(self.atlas["layers"], boxes)):
            shape = layer["shape"]
            dead = sum(c["kind"] == "dead" for c in layer["channels"])
            self.assertEqual(box, ["#" + layer["name"], f"{shape['h']} × {shape['w']} × {shape['c']}",
                                   box[2]])
            self.assertTrue(not dead or f"{dead} dead" in box[2], box[2])
            for source in layer["from"]:
                self.assertIn(("" if source < 0 else str(source), str(number)), wires)
        self.assertEqual(len(wires), sum(len(layer["from"]) for layer in self.atlas["layers"]))

    def test_the_layer_that_is_read_is_marked_and_in_sight(self):
        self.open()
        for number in (40, 3, 52):
            self.js("window.scrollTo(0, scrollY + layers[arguments[0]].section"
                    ".getBoundingClientRect().top)", number)
            self.until("currentLayer === arguments[0]", number)
            self.assertEqual(self.js("""
                const box = document.querySelector('[aria-current].box').getBoundingClientRect();
                return box.top >= 0 && box.bottom <= innerHeight;"""), True)
            self.assertEqual(len(self.all(".box[aria-current]")), 1)

    def test_a_click_on_a_box_goes_there(self):
        self.open()
        self.one("a.box[href='#layer1.1.conv2']").click()
        self.until("location.hash === '#layer1.1.conv2'")
        self.until("Math.abs(document.querySelector(\"section h2 a[href='#layer1.1.conv2']\")"
                   ".getBoundingClientRect().top - 100) < 80")


class Inception(Page):
    scenario = "inception"

    def test_branches_that_are_concatenated_meet_in_one_join(self):
        self.open()
        self.assertEqual(len(self.all(".graph .join")), 3)
        crossing = self.js("""
            const lanes = new Map();
            for (const dot of document.querySelectorAll('.dot'))
                lanes.set(dot.getAttribute('cx'), true);
            return lanes.size;""")
        self.assertEqual(crossing, 4)


