/* book_card.js - the card of a channel, and the sizes of what stands on it. */
"use strict";

/* What a user has chosen; book.js changes it. */
const chosen = { query: "", kind: "all", sort: "channel", contrast: "tile", size: "medium" };

/* ---- sizes: all cards of a layer are equal, so that their places are known unbuilt ---- */

const CARD = { pad: 14, head: 26, middle: 6, gap: 16, tileGap: 2, least: 296, spare: 60 };
const sizes = { small: 36, medium: 56, large: 90 };

/* The side at which a tile of `side` pixels is shown: whole pixels to whole pixels of the screen
 * while they are few, so that none is wider than its neighbour, unless that loses a quarter. */
function shownSide(side, wanted) {
    const dense = window.devicePixelRatio || 1, k = wanted / side, exact = Math.floor(k * dense) / dense;
    return k >= 1 && k < 4 && exact / k > 0.75 ? exact * side : Math.floor(wanted);
}

/* Columns for n tiles: about a square, without a hole if that is near; 3 stand in a row. */
function columnsFor(n) {
    const square = Math.ceil(Math.sqrt(n)), holes = across => Math.ceil(n / across) * across - n;
    return n > 2 && holes(square + 1) < holes(square) ? square + 1 : square;
}

/* What stands below the tiles takes so much: four classes, or without labels two lines, or the
 * three of a reason. */
function footHeight(layer) {
    return 12 + (book.labels ? 70 : layer.kinds[2] + layer.kinds[DUPLICATE] ? 51 : 34);
}

/* Of a layer's cards in a column so wide: columns, width and height, tiles' sides. */
function measure(layer, width) {
    const most = Math.max(1, layer.most), across = columnsFor(most), down = Math.ceil(most / across);
    const [th, tw] = layer.tile, longest = Math.max(th, tw, 1);
    const wanted = sizes[chosen.size] * (longest > 40 ? 1.3 : 1) * (across > 3 ? 3 / across : 1) *
        (across < 3 ? 1.6 : 1);
    const around = 2 * CARD.pad + CARD.middle + 2 * (across - 1) * CARD.tileGap + 2;
    const fit = columns => {
        const cardWidth = Math.floor((width - (columns - 1) * CARD.gap) / columns);
        const room = Math.max(8, (cardWidth - around) / (2 * across));
        const side = shownSide(longest, Math.min(room, wanted * 1.2));
        return { columns, side, off: Math.abs(Math.log(side / wanted)), cardWidth: Math.min(cardWidth,
            Math.max(CARD.least, Math.ceil(around + 2 * across * side) + CARD.spare)) };
    };
    const room = each => Math.max(1, Math.floor((width + CARD.gap) / (each + CARD.gap)));
    const few = Math.min(room(CARD.least), room(around + 2 * across * wanted));
    const more = Math.min(room(CARD.least), few + 1);
    const [{ columns, cardWidth, side }] = [fit(few), fit(more)]
        .sort((a, b) => a.off - b.off || b.columns - a.columns);
    const tileWidth = side * tw / longest, tileHeight = side * th / longest, k = side / longest;
    const pictures = Math.ceil(down * tileHeight + (down - 1) * CARD.tileGap);
    return { across, down, columns, cardWidth, tileWidth, tileHeight, foot: footHeight(layer),
             pixels: longest <= 32 && (k >= 2 || k === Math.round(k)),
             cardHeight: 2 * CARD.pad + CARD.head + pictures + footHeight(layer) + 2 };
}

/* ---- tiles ---- */

/* Does the unit see less of the picture than the tile has room for? */
function isHatched(layer, unit) {
    return unit.bottom - unit.top < layer.patch[0] || unit.right - unit.left < layer.patch[1];
}

function placeWords(unit) {
    return `rows ${unit.top}-${unit.bottom - 1}, columns ${unit.left}-${unit.right - 1}`;
}

function patchWords(unit) {
    const of = unit.picture.label < 0 ? "" : ` (${className(unit.picture.label)})`;
    return `patch of picture ${unit.picture.number}${of}, value ${short(unit.value)}, ` +
        placeWords(unit);
}

function stripAddress(channel) {
    if (!book.single)
        return channel.strip.split("/").map(encodeURIComponent).join("/");
    const text = byId(`book-strip-${channel.layer.number}-${channel.number}`);
    return text ? text.textContent : "";
}

/* In a single file the strips come after this script: what was built before them waits. */
function fillWaiting() {
    for (const image of document.querySelectorAll(".card img:not([src])")) {
        const address = stripAddress(channelOfCard(image.closest(".card")));
        if (address)
            image.src = address;
    }
}

function initWaiting() {
    if (!book.single || document.readyState !== "loading")
        return;
    const timer = setInterval(fillWaiting, 200);
    document.addEventListener("DOMContentLoaded", () => {
        clearInterval(timer);
        fillWaiting();
    });
}

/* One of the 2 * n tiles of a channel's strip, as a picture that fills what holds it. */
function tileImage(channel, column, words, address) {
    const image = make("img", { alt: words, loading: "lazy", decoding: "async", draggable: "false" });
    image.style.objectPosition = `${100 * column / (2 * channel.n - 1)}% 50%`;
    if (column >= channel.n) {
        const own = channel.raw[(column - channel.n) * UNIT + UNIT - 1];
        const rate = most => String(most > 0 ? own / most : 1);
        image.style.setProperty("--of-channel", rate(largestScale(channel)));
        image.style.setProperty("--of-layer", rate(largestOfLayer(channel.layer)));
    }
    if (address)
        image.src = address;
    return image;
}

function tileButton(channel, column, words, address) {
    const i = column % channel.n;
    return make("button", { type: "button", class: "tile", "data-unit": i,
                            tabindex: column ? "-1" : "0" },
        tileImage(channel, column, words, address));
}

function tileGrids(channel) {
    const patches = make("div", { class: "tiles", role: "group", "aria-label": "patches" });
    const downs = make("div", { class: "tiles down", role: "group", "aria-label": "projections" });
    const address = channel.n ? stripAddress(channel) : "";
    for (let i = 0; i < channel.n; i++) {
        patches.append(tileButton(channel, i, patchWords(unitOf(channel, i)), address));
        downs.append(tileButton(channel, channel.n + i, "its projection", address));
    }
    for (let i = channel.n; channel.n && i < channel.layer.most; i++) {
        patches.append(make("span", { class: "no-tile" }));
        downs.append(make("span", { class: "no-tile" }));
    }
    return [patches, downs];
}

/* ---- below the tiles ---- */

function classRows(channel) {
    const rows = histogram(channel), list = make("ul", { class: "classes", "aria-label": "classes" });
    const shown = rows.length > 4 ? rows.slice(0, 3) : rows;
    for (const [label, count] of shown) {
        const bar = make("i", { "aria-hidden": "true" });
        bar.style.setProperty("--part", count / channel.n);
        list.append(make("li", { "data-label": label },
            make("span", { class: "class-name outside", title: className(label) }, className(label)),
            bar, make("b", null, String(count))));
    }
    if (rows.length > 4) {
        const others = rows.slice(3), n = others.reduce((sum, pair) => sum + pair[1], 0);
        const names = others.map(pair => `${className(pair[0])} ${pair[1]}`).join(", ");
        const bar = make("i", { class: "others", "aria-hidden": "true" });
        bar.style.setProperty("--part", n / channel.n);
        list.append(make("li", { "data-label": others.map(pair => pair[0]).join(" "), title: names },
            make("span", { class: "class-name others" }, `${others.length} others`), bar,
            make("b", null, String(n))));
    }
    return list;
}

/* The values as bars, the strongest at the left. */
function valueBars(channel) {
    const bars = make("span", { class: "bars", "aria-hidden": "true" });
    bars.style.width = Math.min(62, 7 * channel.n) + "px";
    let most = 0;
    for (let i = 0; i < channel.n; i++)
        most = Math.max(most, Math.abs(channel.raw[i * UNIT + 1]));
    for (let i = 0; i < channel.n; i++) {
        const bar = make("i", { "data-unit": i });
        bar.style.setProperty("--part", most ? Math.abs(channel.raw[i * UNIT + 1]) / most : 0);
        bars.append(bar);
    }
    const first = short(channel.raw[1]), last = short(channel.raw[(channel.n - 1) * UNIT + 1]);
    return make("div", { class: "values" }, bars, make("span", { class: "range" },
        make("span", null, first), first === last ? null : make("span", null, ` to ${last}`)));
}

function fires(channel) {
    const meter = make("i", { class: "meter", "aria-hidden": "true" });
    meter.style.setProperty("--part", share(channel));
    if (!channel.fired)
        return make("div", { class: "fires" }, make("span", null, "never above 0"));
    return make("div", { class: "fires",
                         title: `above 0 on ${whole(channel.fired)} of ${plural(book.pictures, "picture")}` },
        make("span", null, `fires on ${percent(share(channel))}`), meter);
}

const reason = channel =>
    make("p", { class: "reason", title: channel.reason }, channel.reason);

function badge(channel) {
    const kind = "badge " + kindNames[channel.kind];
    return channel.kind !== DUPLICATE ? make("span", { class: kind }, kindNames[channel.kind])
        : make("a", { class: kind, href: hashOf(channel.layer, channel.sameAs) },
            "duplicate of " + channel.sameAs);
}

function cardFoot(channel) {
    const words = channel.reason ? reason(channel) : fires(channel), values = valueBars(channel);
    const summary = book.labels
        ? [classRows(channel), make("div", { class: "numbers" }, values, words)]
        : [values, make("div", { class: "numbers" }, words)];
    return make("div", { class: channel.reason ? "foot with-reason" : "foot" },
        make("div", { class: "summary" }, ...summary),
        make("div", { class: "facts", "aria-hidden": "true" }));
}

/* ---- one picture's facts, in place of the card's while it is pointed at ---- */

/* Where in the input a unit looks. */
function fieldMap(unit) {
    const [h, w] = book.input, k = 56 / Math.max(h, w);
    const svg = draw("svg", { viewBox: `-1 -1 ${w * k + 2} ${h * k + 2}`, width: w * k + 2,
                              height: h * k + 2, class: "field-map", "aria-hidden": "true" });
    svg.append(draw("rect", { width: w * k, height: h * k, class: "map-all" }),
        draw("rect", { x: unit.left * k, y: unit.top * k, class: "map-box",
                       width: Math.max(1.5, (unit.right - unit.left) * k),
                       height: Math.max(1.5, (unit.bottom - unit.top) * k) }));
    return svg;
}

/* The unit's place in its layer, and what it sees of the picture. */
function unitWords(layer, unit) {
    return layer.shape[0] * layer.shape[1] === 1 ? "" : `row ${unit.y}, column ${unit.x}`;
}

function seesWords(unit) {
    const whole = unit.bottom - unit.top >= book.input[0] && unit.right - unit.left >= book.input[1];
    return (whole ? "the whole picture" : placeWords(unit)) +
        (unit.clipped && !whole ? ", cut by the border" : "");
}

function pictureWords(unit) {
    const p = unit.picture;
    return `picture ${whole(p.number)}` +
        (p.index === p.number ? "" : ` (${p.split} ${whole(p.index)})`);
}

function showFacts(card, channel, i) {
    const facts = card.querySelector(".facts"), unit = unitOf(channel, i), p = unit.picture;
    const where = pictureWords(unit) + (p.file ? " · " + p.file : "");
    const place = unitWords(channel.layer, unit);
    const first = make("div", { class: "facts-first" }, make("b", null, short(unit.value)), " ",
        make("span", { class: "outside" }, book.labels ? className(p.label) : where));
    facts.replaceChildren(make("div", { class: "facts-text" }, first,
        book.labels ? make("div", { class: "outside" }, where) : null,
        book.labels && place ? make("div", null, "unit at " + place) : null,
        make("div", null, "sees " + seesWords(unit))), fieldMap(unit));
    card.classList.add("telling");
    for (const part of card.querySelectorAll(".lit"))
        part.classList.remove("lit");
    for (const part of card.querySelectorAll(`[data-unit="${i}"]`))
        part.classList.add("lit");
}

function hideFacts(card) {
    card.classList.remove("telling");
    for (const part of card.querySelectorAll(".lit"))
        part.classList.remove("lit");
}

/* ---- the card ---- */

function buildCard(channel, place) {
    const id = `card-${channel.layer.number}-${channel.number}`;
    const title = make("h3", { id }, make("a", { href: hashOf(channel.layer, channel.number) },
        make("span", { class: "outside" }, channel.layer.name), make("b", null, "/" + channel.number)));
    const head = make("header", null, title);
    if (channel.layer.outputs)
        head.append(make("span", { class: "own-class outside" }, channel.layer.outputs[channel.number]));
    if (channel.kind)
        head.append(badge(channel));
    const card = make("article", { class: "card", tabindex: "-1", "aria-labelledby": id,
                                   "aria-posinset": place + 1, "aria-setsize": channel.layer.shown.length,
                                   "data-layer": channel.layer.number, "data-channel": channel.number },
        head);
    if (channel.n)
        card.append(make("div", { class: "pair" }, ...tileGrids(channel)), cardFoot(channel));
    else
        card.append(make("div", { class: "nothing" }, channel.reason ? reason(channel)
            : make("p", { class: "reason" }, "no unit of it responded")));
    return card;
}

const channelOfCard = card =>
    channelsOf(layers[card.dataset.layer])[card.dataset.channel];
