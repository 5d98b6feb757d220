"""Addresses and keys: every channel can be named, reached and left without a mouse."""
from browser import Keys, Page, address


class Addresses(Page):
    def check(self, layer, channel):
        number = next(i for i, l in enumerate(self.atlas["layers"]) if l["name"] == layer)
        self.until("document.querySelector('.card.marked')")
        self.assertEqual(self.marked(), [number, channel])
        self.assertTrue(self.seen())
        self.assertEqual(self.one(".card.marked h3").text, f"{layer}/{channel}")
        self.assertEqual(self.one(".card.marked").get_attribute("aria-current"), "true")
        self.assertEqual(self.js("return document.querySelectorAll('.card.marked').length"), 1)

    def test_at_load(self):
        for url in (self.file, self.http):
            for layer, channel in (("conv1", 0), ("conv2", 17), ("conv2", 63), ("fc", 9),
                                   (self.atlas["layers"][2]["name"], 23)):
                with self.subTest(f"{layer}/{channel}"):
                    self.open(address(layer, channel), url)
                    self.check(layer, channel)

    def test_by_hashchange(self):
        self.open()
        for layer, channel in (("fc", 3), ("conv1", 40), ("conv2", 17),
                               (self.atlas["layers"][2]["name"], 5)):
            self.js("location.hash = arguments[0]", address(layer, channel))
            self.until("document.querySelector('.card.marked h3') && "
                       "document.querySelector('.card.marked h3').textContent === arguments[0]",
                       f"{layer}/{channel}")
            self.check(layer, channel)

    def test_the_address_of_each_card_leads_to_it(self):
        self.screen(2600, 12000)
        self.open()
        links = self.until("(() => { const a = [...document.querySelectorAll('.card h3 a')];"
                           f"return a.length === {sum(1 for _ in self.channels())} &&"
                           "a.map(link => [link.getAttribute('href'), link.textContent]); })()")
        expected = [[address(layer["name"], c["channel"]), f"{layer['name']}/{c['channel']}"]
                    for _, layer, c in self.channels()]
        for (href, text), (wanted, name) in zip(links, expected):
            self.assertEqual(text, name)
            self.assertEqual(self.js("const t = findHash(arguments[0]); return [t.layer.name, t.channel]",
                                     href), self.js("const t = findHash(arguments[0]);"
                                                    "return [t.layer.name, t.channel]", wanted))
            self.assertEqual(self.js("const t = findHash(arguments[0]);"
                                     "return t.layer.name + '/' + t.channel", href), name)

    def test_of_a_layer(self):
        for number in (3, 0, 2, 1):
            layer = self.atlas["layers"][number]
            self.open(address(layer["name"]))
            self.until("document.activeElement.tagName === 'H2'")
            self.assertEqual(self.js("return document.activeElement.textContent"), layer["name"])
            self.assertEqual(self.js("return currentLayer"), number)

    def test_the_convolution_that_makes_a_layer_names_it_too(self):
        layer = next(l for l in self.atlas["layers"] if l["head"] and l["head"] != l["name"])
        self.open(address(layer["head"], 1))
        self.check(layer["name"], 1)
        self.one("#query").send_keys(f"{layer['head']}/1")
        self.until("document.querySelectorAll('.layer:not([hidden])').length === 1")

    def test_back_and_forward(self):
        self.open("#conv1/3")
        self.check("conv1", 3)
        self.js("location.hash = '#conv2/50'")
        self.until("document.querySelector('.card.marked').dataset.channel === '50'")
        self.driver.back()
        self.until("document.querySelector('.card.marked').dataset.channel === '3'")
        self.check("conv1", 3)

    def test_what_is_not_there_is_passed_over(self):
        for place in ("#conv1/64", "#conv9", "#%", "#", "#conv1/-1", "#conv1/x"):
            self.open(place)
            self.assertEqual(self.marked(), None, place)
            self.assertTrue(self.all(".card"))
            self.assertEqual(self.one("#astray").text != "", place != "#", place)

    def test_what_is_not_there_is_named(self):
        self.open("#conv2/999")
        self.assertEqual(self.one("#astray").text,
                         "no channel conv2/999 in this book: conv2 has channels 0 to 63")
        self.assertEqual(self.one("#astray").get_attribute("role"), "status")
        self.assertTrue(self.one("#astray").is_displayed())
        self.js("location.hash = '#nothing/3'")
        self.until("byId('astray').textContent === 'no layer or channel nothing/3 in this book'")
        self.js("location.hash = '#conv2/9'")
        self.until("document.querySelector('.card.marked')")
        self.check("conv2", 9)
        self.assertFalse(self.one("#astray").is_displayed())
        self.js("location.hash = '#<img src=x>" + "y" * 300 + "'")
        self.until("byId('astray').textContent")
        self.assertEqual(self.js("return document.querySelectorAll('#astray *').length"), 0)
        self.assertLess(len(self.one("#astray").text), 130)
        self.key(Keys.ESCAPE)
        self.assertFalse(self.one("#astray").is_displayed())

    def test_an_address_that_the_choice_hides_is_shown(self):
        self.open()
        self.one("#query").send_keys("fc")
        self.until("document.querySelectorAll('.layer:not([hidden])').length === 1")
        self.js("location.hash = '#conv1/9'")
        self.until("document.querySelector('.card.marked')")
        self.check("conv1", 9)
        self.assertEqual(self.one("#query").get_property("value"), "")

    def test_a_duplicate_links_to_its_like(self):
        self.open("#conv1/12")
        self.one(".card.marked a.badge").click()
        self.until("location.hash === '#conv1/3'")
        self.check("conv1", 3)

    def test_troubles_are_listed_with_reason_and_link(self):
        self.open()
        self.one(".troubles summary").click()
        text = self.until("document.querySelector('.troubles ul').innerText")
        self.assertIn("dead: never fired on 10,000 pictures", text)
        links = self.js("return [...document.querySelectorAll('.layer:first-child .troubles a')]"
                        ".map(a => a.getAttribute('href'))")
        channels = self.atlas["layers"][0]["channels"]
        order = [kind for kind in ("dead", "saturated", "duplicate")]
        wanted = [address("conv1", c["channel"]) for kind in order for c in channels if c["kind"] == kind]
        self.assertEqual(links, wanted)

    def test_cards_keep_their_place_when_the_window_changes(self):
        self.open("#conv2/31")
        self.js("window.scrollBy(0, -7)")
        for width in (700, 1900, 400, 1400):
            self.screen(width, 900)
            self.until("document.getElementById('main').clientWidth === layers[1].form.columns *"
                       "(layers[1].form.cardWidth + 16) - 16 || layers[1].form.cardWidth > 0")
            self.until("currentLayer === 1")


class KeysOfThePage(Page):
    def test_next_and_previous_channel(self):
        self.open()
        self.key("j")
        self.assertEqual(self.marked(), [0, 0])
        for key, wanted in (("j", 1), (Keys.ARROW_RIGHT, 2), ("j", 3), ("k", 2),
                            (Keys.ARROW_LEFT, 1), ("k", 0), ("k", 0)):
            self.key(key)
            self.assertEqual(self.marked(), [0, wanted])
            self.assertTrue(self.seen())
            self.assertEqual(self.js("return document.activeElement.dataset.channel"), str(wanted))
        self.assertEqual(self.js("return location.hash"), "#conv1/0")

    def test_walking_from_layer_to_layer(self):
        self.open("#conv1/63")
        self.key("j")
        self.assertEqual(self.marked(), [1, 0])
        self.key("k")
        self.assertEqual(self.marked(), [0, 63])
        self.key("n")
        self.until("currentLayer === 1")
        self.assertEqual(self.js("return document.activeElement.textContent"), "conv2")
        self.key("n", "n")
        self.until("currentLayer === 3")
        self.key("p")
        self.until("currentLayer === 2")
        self.key("j")
        self.assertEqual(self.marked(), [2, 0])

    def test_sixty_steps_stay_in_sight(self):
        self.open("#conv1/30")
        for i in range(60):
            self.key("j")
            self.assertEqual(self.marked(), [0, 31 + i] if i < 33 else [1, i - 33])
            self.assertTrue(self.seen(), self.marked())

    def test_search_key_and_escape(self):
        self.open()
        self.key("/")
        self.assertEqual(self.js("return document.activeElement.id"), "query")
        self.key("jjsn")
        self.assertEqual(self.one("#query").get_property("value"), "jjsn")
        self.until("document.querySelectorAll('.card').length === 0")
        self.assertIn("No channel matches", self.one("main").text)
        self.key(Keys.ESCAPE)
        self.until("document.querySelectorAll('.card').length > 0")
        self.assertEqual(self.one("#query").get_property("value"), "")

    def test_nothing_to_show_and_back(self):
        for leave in (lambda: self.key(Keys.ESCAPE), lambda: self.one("#show-all").click()):
            self.open()
            self.js("byId('kind').value = 'saturated'; search('dead')")
            self.assertEqual(len(self.all(".card")), 0)
            self.assertTrue(self.one("#show-all").is_displayed())
            leave()
            self.until("document.querySelectorAll('.card').length > 0")
            self.assertEqual(self.js("return [byId('kind').value, byId('query').value]"), ["all", ""])
            self.assertFalse(self.one("#show-all").is_displayed())
        self.js("byId('kind').value = 'saturated'; changeChoice()")
        self.key(Keys.ESCAPE)
        self.assertEqual(self.js("return byId('kind').value"), "all")

    def test_every_button_has_a_name(self):
        self.open()
        unnamed = self.js("return [...document.querySelectorAll('button')].filter(b => !b.closest('.card') &&"
                          "!b.textContent.trim() && !b.getAttribute('aria-label')).map(b => b.id)")
        self.assertEqual(unnamed, [])

    def test_contrast_key(self):
        self.open()
        for wanted in ("channel", "layer", "tile"):
            self.key("s")
            self.assertEqual(self.js("return document.documentElement.dataset.contrast"), wanted)
            self.assertTrue(self.one(f"#contrast input[value={wanted}]").is_selected())

    def test_help(self):
        self.open()
        self.key("?")
        self.until("document.getElementById('help').open")
        self.key("j")
        self.assertIsNone(self.marked())
        self.key(Keys.ESCAPE)
        self.until("!document.getElementById('help').open")
        self.one("#keys").click()
        self.until("document.getElementById('help').open")
        self.one("#letters").click()
        self.one("#help-close").click()
        self.key("j")
        self.assertIsNone(self.marked(), "letters are switched off")
        self.key(Keys.ARROW_RIGHT)
        self.assertEqual(self.marked(), [0, 0])

    def test_the_large_view(self):
        self.open("#conv2/16")
        self.key(Keys.ENTER)
        self.until("document.getElementById('view').open")
        top = self.atlas["layers"][1]["channels"][16]["top"]
        self.check_view("conv2/16", top, 0)
        for key, wanted in ((Keys.ARROW_LEFT, 0), (Keys.ARROW_RIGHT, 1), (Keys.ARROW_RIGHT, 2),
                            (Keys.ARROW_LEFT, 1)):
            self.key(key)
            self.check_view("conv2/16", top, wanted)
        self.key(Keys.ARROW_DOWN)
        self.check_view("conv2/17", self.atlas["layers"][1]["channels"][17]["top"], 1)
        self.key(*[Keys.ARROW_DOWN] * 6)            # over the dead channel 23
        self.check_view("conv2/24", self.atlas["layers"][1]["channels"][24]["top"], 1)
        self.key(Keys.ESCAPE)
        self.until("!document.getElementById('view').open")
        self.assertEqual(self.marked(), [1, 24])
        self.assertTrue(self.seen())

    def check_view(self, name, top, i):
        self.assertEqual(self.one("#view-title").text, name)
        self.assertEqual(self.one("#view-place").text, f"{i + 1} of {len(top)}")
        text = self.one("#view-facts").text
        unit, box = top[i], top[i]["box"]
        self.assertIn(f"{unit['picture']:,}", text)
        self.assertIn(f"rows {box['top']}-{box['bottom'] - 1}, columns {box['left']}-{box['right'] - 1}", text)
        self.assertEqual("cut by the border" in text, box["clipped"])
        self.assertIn(f"row {unit['y']}, column {unit['x']} of 6 × 6", text)
        self.assertEqual("beyond the picture's border" in self.one("#view-border").text,
                         box["bottom"] - box["top"] < 16)
        self.until("[...document.querySelectorAll('#view img')].every(i => i.complete && i.naturalWidth)")
        self.assertEqual(len(self.all("#view img")), 2)

    def test_keys_among_the_tiles_of_a_card(self):
        self.open("#conv1/4")
        self.key(Keys.TAB, Keys.TAB)
        tile = "return [...document.querySelectorAll('.card.marked .tile')].indexOf(document.activeElement)"
        self.assertEqual(self.js(tile), 0)
        for key, wanted in ((Keys.ARROW_RIGHT, 1), (Keys.ARROW_DOWN, 4), (Keys.ARROW_DOWN, 7),
                            (Keys.ARROW_DOWN, 7), (Keys.ARROW_LEFT, 6), (Keys.ARROW_UP, 3)):
            self.key(key)
            self.assertEqual(self.js(tile), wanted)
        lit = "return [...document.querySelectorAll('.card.marked .tile.lit')].map(t => t.dataset.unit)"
        self.assertEqual(self.js(lit), ["3", "3"])
        self.key(Keys.ENTER)
        self.until("document.getElementById('view').open")
        self.assertEqual(self.one("#view-place").text, "4 of 9")

    def test_the_first_tab_skips_the_side_bar(self):
        self.open()
        self.key(Keys.TAB)
        self.assertEqual(self.js("return document.activeElement.id"), "skip")
        self.key(Keys.ENTER)
        self.assertEqual(self.js("return document.activeElement.id"), "main")
