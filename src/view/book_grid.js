/* book_grid.js - a section for each layer, and in it the cards that are near the screen. Cards have
 * their places before they are built: a book of 13,000 channels costs what is looked at. */
"use strict";

const GAP = CARD.gap;
let shownLayers = [];           /* those with cards, in order */
const built = new Set();        /* those of which cards stand in the page */

/* ---- sections ---- */

function layerFacts(layer) {
    const [fh, fw] = layer.field, [ih, iw] = book.input;
    const sees = fh >= ih && fw >= iw ? "sees the whole picture" : `sees ${times(layer.field)} pixels`;
    const [sy, sx] = layer.stride, one = layer.shape[0] * layer.shape[1] === 1;
    const step = "stride " + (sy === sx ? String(sy) : times(layer.stride));
    return [times(layer.shape), sees, one ? "" : step, plural(layer.total, "channel")]
        .filter(Boolean).join(" · ");
}

/* "never fired on 10,000 pictures: 3 17 20": a line for each reason, by kind. */
function listTroubles(layer, list) {
    const groups = new Map();
    for (const channel of channelsOf(layer).filter(c => c.kind)) {
        const words = kindNames[channel.kind] + ": " + channel.reason;
        groups.set(words, [...(groups.get(words) || []), channel]);
    }
    const ordered = [...groups].sort((a, b) => a[1][0].kind - b[1][0].kind);
    for (const [words, channels] of ordered) {
        const line = make("li", null, make("span", { class: "trouble" }, words + " "));
        for (const channel of channels)
            line.append(make("a", { href: hashOf(layer, channel.number) }, channelName(channel)), " ");
        list.append(line);
    }
}

function troubleList(layer) {
    const words = troubles(layer);
    if (!words.length)
        return null;
    const n = layer.kinds[1] + layer.kinds[2] + layer.kinds[3], list = make("ul");
    const details = make("details", { class: "troubles" }, make("summary", null,
        words.join(", ") + (n === 1 ? " channel" : " channels")), list);
    details.addEventListener("toggle", () => {
        if (details.open && !list.firstChild)
            listTroubles(layer, list);
        render();
    });
    return details;
}

function buildSection(layer) {
    const id = "layer-" + layer.number;
    layer.title = make("h2", { id, tabindex: "-1" },
        make("a", { href: hashOf(layer), class: "outside" }, layer.name));
    const of = layer.head && layer.head !== layer.name ? ` of ${layer.head}` : "";
    const head = make("header", { class: "layer-head" }, layer.title,
        make("span", { class: "op outside" }, layer.op + of));
    if (layer.raw)
        head.append(make("a", { class: "raw", download: "", href: layer.raw.split("/")
            .map(encodeURIComponent).join("/") }, "projections as numbers"));
    layer.grid = make("div", { class: "grid", role: "feed", "aria-labelledby": id });
    layer.section = make("section", { class: "layer", "aria-labelledby": id }, head,
        make("p", { class: "layer-facts" }, layerFacts(layer)), troubleList(layer), layer.grid);
    layer.cards = new Map();
    byId("none").before(layer.section);
}

/* ---- sizes and choice ---- */

const pitch = layer => layer.form.cardHeight + GAP;

function clearCards(layer) {
    layer.grid.replaceChildren();
    layer.cards.clear();
    built.delete(layer);
}

function sizeGrid(layer, width) {
    const form = layer.form = measure(layer, width), style = layer.grid.style;
    const rows = Math.ceil(layer.shown.length / form.columns);
    style.height = Math.max(0, rows * pitch(layer) - GAP) + "px";
    style.setProperty("--across", form.across);
    style.setProperty("--tile-width", form.tileWidth + "px");
    style.setProperty("--tile-height", form.tileHeight + "px");
    style.setProperty("--card-width", form.cardWidth + "px");
    style.setProperty("--card-height", form.cardHeight + "px");
    style.setProperty("--foot", form.foot + "px");
    layer.grid.classList.toggle("pixels", form.pixels);
    clearCards(layer);
}

function sizeGrids() {
    const width = byId("main").clientWidth;
    for (const layer of shownLayers)
        sizeGrid(layer, width);
}

function choose() {
    for (const layer of layers) {
        layer.shown = select(layer, chosen.query, chosen.kind, chosen.sort);
        layer.section.hidden = !layer.shown.length;
        layer.row.classList.toggle("without", !layer.shown.length);
        const count = layer.row.querySelector(".box-count");
        count.textContent = layer.shown.length === layer.total ? plural(layer.total, "channel")
            : `${whole(layer.shown.length)} of ${whole(layer.total)}`;
        clearCards(layer);
    }
    shownLayers = layers.filter(layer => layer.shown.length);
    byId("none").hidden = shownLayers.length > 0;
    sizeGrids();
}

/* ---- what is near the screen ---- */

function placeCard(layer, card, place) {
    const { columns, cardWidth } = layer.form;
    card.place = place;
    card.style.left = place % columns * (cardWidth + GAP) + "px";
    card.style.top = Math.floor(place / columns) * pitch(layer) + "px";
    return card;
}

/* Builds the cards of places first..end-1 and drops the others, but never the one with the focus. */
function fillGrid(layer, first, end) {
    for (const [place, card] of layer.cards)
        if ((place < first || place >= end) && !card.contains(document.activeElement)) {
            card.remove();
            layer.cards.delete(place);
        }
    let next = layer.grid.firstElementChild;
    for (let place = first; place < end; place++) {
        while (next && next.place < place)
            next = next.nextElementSibling;
        if (next && next.place === place)
            continue;
        const channel = channelsOf(layer)[layer.shown[place]];
        const card = placeCard(layer, buildCard(channel, place), place);
        if (isMarked(channel))
            setMark(card, true);
        layer.cards.set(place, card);
        layer.grid.insertBefore(card, next);
    }
    if (layer.cards.size)
        built.add(layer);
    else
        built.delete(layer);
}

/* The first of shownLayers for which `test` holds; it holds for all after it. */
function firstLayer(test) {
    let low = 0, high = shownLayers.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (test(shownLayers[middle].section.getBoundingClientRect()))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

function render() {
    const margin = window.innerHeight * 0.75, near = new Set();
    for (let i = firstLayer(box => box.bottom > -margin); i < shownLayers.length; i++) {
        const layer = shownLayers[i], top = layer.grid.getBoundingClientRect().top;
        const { columns } = layer.form, rows = Math.ceil(layer.shown.length / columns);
        if (layer.section.getBoundingClientRect().top > window.innerHeight + margin)
            break;
        const first = Math.max(0, Math.floor((-margin - top) / pitch(layer)));
        const end = Math.min(rows, Math.ceil((window.innerHeight + margin - top) / pitch(layer)));
        fillGrid(layer, Math.min(first * columns, layer.shown.length),
            Math.min(Math.max(0, end) * columns, layer.shown.length));
        near.add(layer);
    }
    for (const layer of [...built])
        if (!near.has(layer))
            fillGrid(layer, 0, 0);
    const reading = firstLayer(box => box.bottom > barBottom() + 40);
    showCurrent(reading < shownLayers.length ? shownLayers[reading].number : -1);
}

let waiting = false;
function renderSoon() {
    if (waiting)
        return;
    waiting = true;
    requestAnimationFrame(() => {
        waiting = false;
        render();
    });
}

const barBottom = () => byId("bar").offsetHeight;

/* ---- places ---- */

/* What is read now, to be found again when all sizes change: the marked card if it is on the
 * screen, else the first that is. Null: the reader is above all layers. */
function anchor() {
    const number = currentLayer < 0 ? undefined : currentLayer, layer = layers[number];
    if (!layer || !layer.form || window.scrollY < byId("main").offsetTop - barBottom())
        return null;
    const top = barBottom() - layer.grid.getBoundingClientRect().top, card = cardOf(marked);
    const box = card && card.getBoundingClientRect();
    if (box && box.bottom > barBottom() && box.top < window.innerHeight)
        return { layer: marked.layer, channel: marked.number, inside: true, below: box.top };
    const place = Math.max(0, Math.ceil(top / pitch(layer))) * layer.form.columns;
    return { layer, channel: layer.shown[Math.min(place, layer.shown.length - 1)], inside: top > 0 };
}

function restore(at) {
    if (!at || !at.layer.shown.length)
        return;
    const place = at.layer.shown.indexOf(at.channel);
    if (at.inside && place >= 0)
        scrollToTop(at.layer.grid, Math.floor(place / at.layer.form.columns) * pitch(at.layer) -
            (at.below === undefined ? GAP : Math.min(Math.max(at.below - barBottom(), GAP),
                Math.max(GAP, window.innerHeight - barBottom() - pitch(at.layer)))));
    else
        scrollToTop(at.layer.section, 0);
}

function scrollToTop(element, below) {
    window.scrollTo(0, window.scrollY + element.getBoundingClientRect().top + below - barBottom());
}

/* All cards in their new sizes; what is read, and has the focus, stays. */
function resize() {
    const at = anchor(), card = cardOf(marked);
    const focused = card && card.contains(document.activeElement);
    sizeGrids();
    restore(at);
    render();
    if (focused && cardOf(marked))
        cardOf(marked).focus({ preventScroll: true });
}

/* ---- the marked card ---- */

let marked = null;              /* a channel */

const isMarked = channel => channel === marked;

function setMark(card, on) {
    card.classList.toggle("marked", on);
    if (on)
        card.setAttribute("aria-current", "true");
    else
        card.removeAttribute("aria-current");
}

function cardOf(channel) {
    return channel && channel.layer.cards.get(channel.layer.shown.indexOf(channel.number));
}

function mark(channel) {
    const before = cardOf(marked);
    if (before)
        setMark(before, false);
    marked = channel;
    const card = cardOf(channel);
    if (card)
        setMark(card, true);
}

/* Scrolls to a card that is among the chosen, marks it and gives it the focus. */
function goToChannel(channel) {
    const layer = channel.layer, place = layer.shown.indexOf(channel.number);
    const row = Math.floor(place / layer.form.columns), room = window.innerHeight - barBottom();
    const above = Math.max(GAP, Math.min((room - layer.form.cardHeight) / 2, 140));
    const top = layer.grid.getBoundingClientRect().top + row * pitch(layer);
    if (top < barBottom() + 4 || top + layer.form.cardHeight > window.innerHeight - 4)
        scrollToTop(layer.grid, row * pitch(layer) - above);
    mark(channel);
    render();
    const card = cardOf(channel);
    if (card)
        card.focus({ preventScroll: true });
}

function goToLayer(layer) {
    mark(null);
    scrollToTop(layer.section, 0);
    render();
    layer.title.focus({ preventScroll: true });
}
