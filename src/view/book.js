/* book.js - puts the page together: its head, its choices, keys and addresses. */
"use strict";

/* ---- what a reader chose stays chosen, where the browser allows it ---- */

function remember(key, value) {
    try {
        localStorage.setItem("deconvnet-" + key, value);
    } catch (error) { /* then it holds for this visit alone */ }
}

function remembered(key) {
    try {
        return localStorage.getItem("deconvnet-" + key);
    } catch (error) {
        return null;
    }
}

/* ---- the head of the book ---- */

function aboutRow(key, value) {
    if (value)
        byId("about").append(make("div", null, make("dt", null, key),
            make("dd", { class: "outside" }, value)));
}

function buildTotals() {
    const sums = [0, 1, 2, 3].map(kind => layers.reduce((sum, layer) => sum + layer.kinds[kind], 0));
    const all = sums.reduce((a, b) => a + b, 0), words = ["alive", "dead", "saturated", "duplicate"];
    const bar = make("div", { class: "state", "aria-hidden": "true" });
    const list = make("ul");
    list.append(make("li", null, make("b", null, whole(all)), all === 1 ? " channel" : " channels", " in ",
        plural(layers.length, "layer")));
    sums.forEach((n, kind) => {
        if (!n)
            return;
        const part = make("i", { class: kindNames[kind] });
        part.style.flexGrow = n;
        bar.append(part);
        const button = make("button", { type: "button", class: "link" }, make("b", null, whole(n)),
            " " + words[kind]);
        button.addEventListener("click", () => {
            byId("kind").value = kindNames[kind];
            changeChoice();
            scrollToTop(byId("found"), 0);
        });
        list.append(make("li", null, make("i", { class: "key " + kindNames[kind] }), button));
    });
    byId("totals").append(list, bar);
}

function buildCover() {
    const n = Math.max(1, ...layers.map(layer => layer.most));
    const k = n === 1 ? "the picture that excites" : `the ${n} pictures that excite`;
    const each = n === 1 ? "the patch" : "of each the patch";
    byId("lead").textContent = `For every channel ${k} it most among ${book.split ||
        plural(book.pictures, "picture")}: ${each} that the strongest unit sees, and beside it ` +
        "that patch projected down to pixels.";
    aboutRow("Model", [book.model, book.guess].filter(Boolean).join(", "));
    aboutRow("Data", [...new Set([book.data, book.kind])].filter(Boolean).join(", "));
    aboutRow("Rule", [book.rule, book.extensions].filter(Boolean).join("; "));
    aboutRow("Input", `${times(book.input)}; ${book.preprocess || "as it is"}`);
    aboutRow("Engine", book.engine);
    aboutRow("Weights", book.hash);
    buildTotals();
}

/* ---- choices ---- */

function tellFound() {
    const n = shownLayers.reduce((sum, layer) => sum + layer.shown.length, 0);
    const all = layers.reduce((sum, layer) => sum + layer.total, 0);
    byId("found").classList.toggle("unseen", n === all);
    byId("found").textContent = n === all ? `${plural(all, "channel")} in ${plural(layers.length, "layer")}`
        : `${whole(n)} of ${plural(all, "channel")}, in ${shownLayers.length} of ${plural(layers.length, "layer")}`;
}

function changeChoice() {
    const at = anchor();
    chosen.query = byId("query").value.trim().toLowerCase();
    chosen.kind = byId("kind").value;
    chosen.sort = byId("sort").value;
    choose();
    tellFound();
    if (at)
        restore(at.layer.shown.length ? { layer: at.layer } : { layer: shownLayers[0] || at.layer });
    render();
}

function showAll() {
    byId("query").value = "";
    byId("kind").value = "all";
    changeChoice();
}

/* Words that find something in this book. */
function proposeWords() {
    const names = layers.map(layer => layer.name).filter(name => name.length <= 16);
    const words = names.slice(0, 1), second = layers.find(layer => layer.name === names[1]);
    if (second)
        words.push(`${second.name}/${Math.min(17, second.total - 1)}`);
    words.push("17", ...(book.labels ? ["a class"] : []), "dead");
    byId("query").placeholder = byId("query").title = "Search: " + words.join(", ");
}

function search(text) {
    byId("query").value = text;
    changeChoice();
    if (window.scrollY > byId("main").offsetTop)
        scrollToTop(byId("found"), 0);
}

function setContrast(value) {
    chosen.contrast = value;
    document.documentElement.dataset.contrast = value;
    document.querySelector(`#contrast input[value=${value}]`).checked = true;
    remember("contrast", value);
}

function setSize(value) {
    chosen.size = value;
    document.querySelector(`#size input[value=${value}]`).checked = true;
    remember("size", value);
    resize();
}

const themes = { auto: "as the system", light: "light", dark: "dark" };
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function setTheme(value) {
    const dark = value === "dark" || (value === "auto" && systemDark.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    byId("theme").dataset.choice = value;
    byId("theme").setAttribute("aria-label", "Theme: " + themes[value]);
    byId("theme").title = "Theme: " + themes[value];
    remember("theme", value);
}

function nextTheme() {
    const names = Object.keys(themes), now = names.indexOf(byId("theme").dataset.choice);
    setTheme(names[(now + 1) % names.length]);
}

function pickFrom(values, value) {
    return values.includes(value) ? value : null;
}

function initChoices() {
    let timer;
    byId("bar").addEventListener("submit", event => event.preventDefault());
    byId("query").addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(changeChoice, 120);
    });
    proposeWords();
    byId("show-all").addEventListener("click", () => {
        showAll();
        byId("query").focus();
    });
    byId("sort").addEventListener("change", changeChoice);
    byId("kind").addEventListener("change", changeChoice);
    byId("contrast").addEventListener("change", event => setContrast(event.target.value));
    byId("size").addEventListener("change", event => setSize(event.target.value));
    byId("theme").addEventListener("click", nextTheme);
    systemDark.addEventListener("change", () => setTheme(byId("theme").dataset.choice));
    setTheme(pickFrom(Object.keys(themes), remembered("theme")) || "auto");
    setContrast(pickFrom(["tile", "channel", "layer"], remembered("contrast")) || "tile");
    chosen.size = pickFrom(Object.keys(sizes), remembered("size")) || "medium";
    document.querySelector(`#size input[value=${chosen.size}]`).checked = true;
    byId("letters").checked = remembered("letters") !== "off";
    byId("letters").addEventListener("change", () =>
        remember("letters", byId("letters").checked ? "on" : "off"));
    byId("keys").addEventListener("click", () => byId("help").showModal());
    byId("help-close").addEventListener("click", () => byId("help").close());
    for (const [button, part] of [["menu", "side"], ["more", "options"]])
        byId(button).addEventListener("click", () => toggle(button, part));
    byId("shade").addEventListener("click", () => toggle("menu", "side", false));
    byId("skip").addEventListener("click", () => byId("main").focus());
}

/* On a narrow screen the side bar and the options are shown when asked for. */
function toggle(button, part, open) {
    const now = open === undefined ? !byId(part).classList.contains("open") : open;
    byId(part).classList.toggle("open", now);
    byId(button).setAttribute("aria-expanded", String(now));
}

/* ---- addresses ---- */

function setAddress(hash) {
    try {
        history.replaceState(null, "", hash);
    } catch (error) { /* a browser may limit how often */ }
}

/* Wherever it is in the book, chosen or not. */
function goTo(layer, number) {
    if (number === undefined ? !layer.shown.length : !layer.shown.includes(number))
        showAll();
    byId("astray").textContent = "";
    toggle("menu", "side", false);
    setAddress(hashOf(layer, number));
    if (number === undefined)
        goToLayer(layer);
    else
        goToChannel(channelsOf(layer)[number]);
}

function followHash() {
    const target = findHash(location.hash);
    if (target)
        goTo(target.layer, target.channel);
    else
        byId("astray").textContent = strayWords(location.hash);
}

/* ---- keys ---- */

function firstOnScreen() {
    const at = anchor(), layer = at ? at.layer : shownLayers[0];
    return layer && channelsOf(layer)[at ? at.channel : layer.shown[0]];
}

function step(d) {
    const channel = marked && marked.layer.shown.includes(marked.number) ? neighbour(marked, d)
        : firstOnScreen();
    if (channel)
        goTo(channel.layer, channel.number);
}

function stepLayer(d) {
    const now = shownLayers.findIndex(layer => layer.number === currentLayer);
    const above = window.scrollY < byId("main").offsetTop - barBottom() - 8;
    const next = above ? (d > 0 ? shownLayers[0] : undefined) : shownLayers[now + d];
    if (next)
        goTo(next);
}

function enlargeMarked() {
    if (marked)
        openView(marked, 0);
}

const letterKeys = {
    "/": () => { byId("query").focus(); byId("query").select(); },
    "?": () => byId("help").showModal(),
    j: () => step(1), k: () => step(-1), n: () => stepLayer(1), p: () => stepLayer(-1),
    s: () => {
        const names = ["tile", "channel", "layer"];
        setContrast(names[(names.indexOf(chosen.contrast) + 1) % names.length]);
        byId("found").textContent = `contrast: one scale per ${chosen.contrast}`;
    },
    t: () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark")
};
const otherKeys = { ArrowRight: () => step(1), ArrowLeft: () => step(-1) };

/* Arrows from tile to tile, in the order of the page. */
function tileKey(tile, key) {
    const tiles = [...tile.closest(".pair").querySelectorAll(".tile")], n = tiles.length / 2;
    const across = channelOfCard(tile.closest(".card")).layer.form.across;
    const i = tiles.indexOf(tile), half = i < n ? 0 : n;
    const to = key === "ArrowRight" ? i + 1 : key === "ArrowLeft" ? i - 1
        : key === "ArrowDown" ? i + across : i - across;
    const inside = key === "ArrowRight" || key === "ArrowLeft" ? to >= 0 && to < 2 * n
        : to >= half && to < half + n;
    if (inside)
        tiles[to].focus();
}

function leave() {
    if (byId("side").classList.contains("open"))
        toggle("menu", "side", false);
    else if (byId("astray").textContent)
        byId("astray").textContent = "";
    else if (byId("query").value || byId("kind").value !== "all")
        showAll();
    else
        document.activeElement.blur();
}

function onKey(event) {
    const target = event.target, tile = target.closest && target.closest(".tile");
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open)
        return;
    const writing = target.closest("input:not([type=radio]):not([type=checkbox]),textarea");
    let action;
    if (byId("view").open)
        action = viewKeys[event.key];
    else if (event.key === "Escape")
        action = leave;
    else if (writing || target.closest("select"))
        return;
    else if (tile && event.key.startsWith("Arrow"))
        action = () => tileKey(tile, event.key);
    else if (event.key === "Enter" && !target.closest("a,button,input,summary"))
        action = enlargeMarked;
    else if (event.key in letterKeys && byId("letters").checked)
        action = letterKeys[event.key];
    else if (event.key in otherKeys && !target.closest("input"))
        action = otherKeys[event.key];
    if (!action)
        return;
    event.preventDefault();
    action();
}

/* ---- pointing ---- */

function initPointing() {
    const main = byId("main");
    const point = event => {
        const tile = event.target.closest && event.target.closest(".tile");
        const card = event.target.closest && event.target.closest(".card");
        if (tile)
            showFacts(card, channelOfCard(card), Number(tile.dataset.unit));
        else if (card)
            hideFacts(card);
    };
    main.addEventListener("mouseover", point);
    main.addEventListener("focusin", point);
    for (const kind of ["mouseout", "focusout"])
        main.addEventListener(kind, event => {
            const card = event.target.closest(".card");
            if (card && !card.contains(event.relatedTarget))
                hideFacts(card);
        });
    main.addEventListener("click", event => {
        const tile = event.target.closest(".tile");
        if (tile)
            openView(channelOfCard(tile.closest(".card")), Number(tile.dataset.unit));
    });
}

/* ---- paper ---- */

const PRINTED = 400;      /* cards that are built for paper; of more, those that are near */

function initPrint() {
    window.addEventListener("beforeprint", () => {
        const n = shownLayers.reduce((sum, layer) => sum + layer.shown.length, 0);
        for (const layer of n <= PRINTED ? shownLayers : [])
            fillGrid(layer, 0, layer.shown.length);
    });
    window.addEventListener("afterprint", render);
}

/* ---- */

function init() {
    let width = byId("main").clientWidth;
    buildCover();
    buildGraph();
    byId("main").classList.toggle("plain", !book.labels);
    layers.forEach(buildSection);
    initChoices();
    initView();
    initPointing();
    initPrint();
    initWaiting();
    choose();
    tellFound();
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", event => {
        const link = event.target.closest("a[href^='#']");
        if (link && link.getAttribute("href") === location.hash)
            followHash();
    });
    window.addEventListener("hashchange", followHash);
    window.addEventListener("scroll", renderSoon, { passive: true });
    window.addEventListener("resize", () => {
        if (byId("main").clientWidth !== width)
            resize();
        width = byId("main").clientWidth;
        renderSoon();
    });
    if (location.hash)
        history.scrollRestoration = "manual";
    render();
    followHash();
}

init();
