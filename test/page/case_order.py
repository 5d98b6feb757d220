"""Order, search and contrast against what Python computes from atlas.json."""
import collections
import math

from browser import Page


def entropy(channel):
    counts = collections.Counter(u["label"] for u in channel["top"] if u["label"] is not None)
    n = sum(counts.values())
    return round(-sum(c / n * math.log(c / n) for c in counts.values()), 9) if n else math.inf


def strongest(channel):
    return channel["top"][0]["value"] if channel["top"] else -math.inf


ORDERS = {
    "channel": lambda c: (),
    "strongest": lambda c: (-strongest(c),),
    "rarest": lambda c: (c["fired"] or math.inf,),
    "dead": lambda c: (["dead", "saturated", "duplicate", "usual"].index(c["kind"]),),
    "selective": lambda c: (entropy(c), -strongest(c)),
}


def commonest(channel):
    counts = collections.Counter(u["class"] for u in channel["top"] if u["class"] is not None)
    return [name.lower() for name, n in counts.items() if n == max(counts.values())]


class Order(Page):
    def setUp(self):
        super().setUp()
        self.screen(2600, 14000)                # all cards at once
        self.open()

    def shown(self):
        return [tuple(pair) for pair in self.js(
            "return [...document.querySelectorAll('.card')].map(c => [+c.dataset.layer, +c.dataset.channel])")]

    def wait(self, expected):
        self.until("(() => { const c = [...document.querySelectorAll('.card')].map(c => c.dataset.layer"
                   " + '/' + c.dataset.channel).join(); return c === arguments[0]; })()",
                   ",".join(f"{a}/{b}" for a, b in expected), what=f"not {expected[:9]}...")

    def expected(self, test=lambda layer, channel: True, order="channel"):
        return [(i, c["channel"]) for i, layer in enumerate(self.atlas["layers"])
                for c in sorted(layer["channels"], key=lambda c: ORDERS[order](c) + (c["channel"],))
                if test(layer, c)]

    def choose(self, which, value):
        self.js("const s = document.getElementById(arguments[0]); s.value = arguments[1];"
                "s.dispatchEvent(new Event('change', { bubbles: true }))", which, value)

    def test_each_order(self):
        self.wait(self.expected())
        orders = set()
        for order in ORDERS:
            with self.subTest(order):
                self.choose("sort", order)
                expected = self.expected(order=order)
                self.wait(expected)
                orders.add(tuple(expected))
                # ... and they lie on the screen in that order, row by row.
                places = self.js("return [...document.querySelectorAll('.layer:first-child .card')].map(c =>"
                                 "[c.getBoundingClientRect().top, c.getBoundingClientRect().left])")
                self.assertEqual(places, sorted(places))
        self.assertEqual(len(orders), len(ORDERS), "the orders differ")

    def test_each_kind(self):
        for kind in ("usual", "dead", "saturated", "duplicate"):
            self.choose("kind", kind)
            expected = self.expected(lambda layer, c, kind=kind: c["kind"] == kind)
            self.assertTrue(expected)
            self.wait(expected)
            self.assertTrue(self.one("#found").text.startswith(f"{len(expected)} of "))

    def search(self, text, test):
        query = self.one("#query")
        query.clear()
        query.send_keys(text)
        expected = self.expected(test)
        self.assertTrue(0 < len(expected) < len(self.expected()), text)
        self.wait(expected)

    def test_search(self):
        layers = self.atlas["layers"]
        outputs = self.atlas["outputs"]

        def of_class(name):
            return lambda layer, c: any(name in k for k in commonest(c)) or \
                (layer is layers[3] and name in outputs[c["channel"]].lower())
        self.search("conv2", lambda layer, c: layer["name"] == "conv2")
        self.search("CONV", lambda layer, c: "conv" in layer["name"] or "conv" in layer["head"])
        self.search("conv2/17", lambda layer, c: layer["name"] == "conv2" and c["channel"] == 17)
        self.search("17", lambda layer, c: c["channel"] == 17)
        self.search("frog", of_class("frog"))
        self.search("<script>", of_class("<script>"))
        self.search("a class with a", of_class("a class with a"))
        self.search("class:ship", of_class("ship"))
        self.search("dead", lambda layer, c: c["kind"] == "dead")
        self.search("alive", lambda layer, c: c["kind"] == "usual")
        self.search("conv1 saturated", lambda layer, c: layer["name"] == "conv1" and c["kind"] == "saturated")
        self.search("conv1 frog", lambda layer, c: layer["name"] == "conv1" and of_class("frog")(layer, c))
        picture = layers[1]["channels"][8]["top"][2]["picture"]
        self.search(f"picture:{picture}", lambda layer, c: any(u["picture"] == picture for u in c["top"]))

    def test_a_layer_without_results_says_so_in_the_side_bar(self):
        self.search("conv2", lambda layer, c: layer["name"] == "conv2")
        self.assertEqual(self.js("return [...document.querySelectorAll('a.box')]"
                                 ".map(b => b.classList.contains('without'))"), [True, False, True, True])

    def test_contrast(self):
        """The filter of each projection is its scale over the shared one; patches have none."""
        for contrast in ("channel", "layer", "tile"):
            self.one(f"#contrast input[value={contrast}]").find_element("xpath", "..").click()
            filters = self.js("""
                const all = {};
                for (const card of document.querySelectorAll('.card'))
                    all[card.dataset.layer + '/' + card.dataset.channel] =
                        [...card.querySelectorAll('img')].map(i => getComputedStyle(i).filter);
                return all;""")
            for number, layer, channel in self.channels():
                n = len(channel["top"])
                rows = filters[f"{number}/{channel['channel']}"]
                self.assertEqual(rows[:n], ["none"] * n)
                group = channel["top"] if contrast == "channel" else \
                    [u for c in layer["channels"] for u in c["top"]]
                for unit, text in zip(channel["top"], rows[n:]):
                    if contrast == "tile":
                        self.assertEqual(text, "none")
                    else:
                        wanted = unit["scale"] / max(u["scale"] for u in group)
                        self.assertAlmostEqual(float(text[len("contrast("):-1]), wanted, places=4)

    def test_histogram_values_and_share(self):
        """What stands below the tiles is what atlas.json says."""
        cards = self.js("""
            const all = {};
            for (const card of document.querySelectorAll('.card')) {
                const share = card.querySelector('.fires span');
                all[card.dataset.layer + '/' + card.dataset.channel] = [
                    [...card.querySelectorAll('.classes li')].map(li => [li.firstChild.textContent,
                                                                         +li.lastChild.textContent]),
                    share && share.textContent, card.querySelectorAll('.bars i').length,
                    (card.querySelector('.reason') || {}).textContent || ''];
            }
            return all;""")
        for number, layer, channel in self.channels():
            rows, share, bars, reason = cards[f"{number}/{channel['channel']}"]
            counts = collections.Counter(u["label"] for u in channel["top"])
            ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            names = self.atlas["classes"]
            if len(ordered) <= 4:
                self.assertEqual(rows, [[names[label], n] for label, n in ordered])
            else:
                self.assertEqual(rows[:3], [[names[label], n] for label, n in ordered[:3]])
                self.assertEqual(rows[3], [f"{len(ordered) - 3} others", sum(n for _, n in ordered[3:])])
            self.assertEqual(bars, len(channel["top"]))
            if channel["kind"] == "usual":
                self.assertAlmostEqual(float(share.split()[-2]), 100 * channel["share"], delta=0.06)
            else:
                self.assertTrue(reason.startswith(channel["reason"]))
