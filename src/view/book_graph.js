/* book_graph.js - the network in the side bar: a row for each layer, and to its left the lines by
 * which values go from layer to layer. Every value has a lane from the layer that makes it to the
 * last that takes it, so a residual network shows as a trunk with loops. */
"use strict";

/* ---- elements ---- */

function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
        if (key === "class")
            element.className = value;
        else if (value !== null && value !== undefined && value !== false)
            element.setAttribute(key, value);
    }
    element.append(...children.filter(child => child !== null && child !== undefined));
    return element;
}

function draw(tag, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    return element;
}

/* ---- lanes ---- */

/* The input, the layers, and a join wherever several layers take the same values together (the
 * concatenation between two blocks of branches): [{ layer, inputs }], inputs by place. */
function graphItems() {
    const sets = new Map(), joins = new Map(), places = new Map([[-1, 0]]);
    const items = [{ layer: null, inputs: [] }];
    const key = layer => [...layer.from].sort((a, b) => a - b).join();
    for (const layer of layers)
        sets.set(key(layer), (sets.get(key(layer)) || 0) + 1);
    for (const layer of layers) {
        const known = layer.from.filter(from => places.has(from)), set = key(layer);
        let inputs = known.map(from => places.get(from));
        if (inputs.length > 1 && sets.get(set) > 1) {
            if (!joins.has(set)) {
                joins.set(set, items.length);
                items.push({ layer: null, join: true, inputs });
            }
            inputs = [joins.get(set)];
        }
        places.set(layer.number, items.length);
        items.push({ layer, inputs });
    }
    return items;
}

/* Gives each item its lane and, as row, its place from the top; returns the number of lanes. */
function layLanes(items) {
    const lanes = [];
    let row = 0;
    items.forEach((item, i) => item.inputs.forEach(from => { items[from].last = i; }));
    items.forEach((item, i) => {
        item.row = item.join ? row - 0.5 : row++;
        const ending = item.inputs.filter(from => items[from].last === i);
        for (const from of ending)
            lanes[items[from].lane] = undefined;
        const free = lanes.findIndex(taken => taken === undefined);
        item.lane = ending.length ? Math.min(...ending.map(from => items[from].lane))
            : free < 0 ? lanes.length : free;
        lanes[item.lane] = item.last === undefined ? undefined : i;
    });
    return Math.max(1, lanes.length);
}

/* ---- drawing ---- */

const ROW = 46, TOP = 6, SIDE = 236;     /* SIDE: of a box without lanes, inside */

function linePath(from, to, x) {
    const y0 = TOP + (from.row + 0.5) * ROW, y1 = TOP + (to.row + 0.5) * ROW;
    const x0 = x(from.lane), x1 = x(to.lane), bend = Math.max(y0, y1 - ROW * 0.6);
    if (x0 === x1)
        return `M${x0} ${y0}V${y1}`;
    return `M${x0} ${y0}V${bend}C${x0} ${(bend + y1) / 2 + 6} ${x1} ${(bend + y1) / 2 - 6} ${x1} ${y1}`;
}

function graphLines(items, lanes) {
    const step = Math.min(13, 92 / lanes), x = lane => 11 + lane * step;
    const rows = items.filter(item => !item.join).length;
    const width = x(lanes - 1) + 11;
    const svg = draw("svg", { width, height: rows * ROW + 2 * TOP, "aria-hidden": "true",
                              focusable: "false" });
    const ends = item => item.layer ? String(item.layer.number) : "";
    for (const item of items)
        for (const from of item.inputs)
            svg.append(draw("path", { d: linePath(items[from], item, x), class: "wire",
                                      "data-from": ends(items[from]), "data-to": ends(item) }));
    for (const item of items)
        svg.append(draw("circle", { cx: x(item.lane), cy: TOP + (item.row + 0.5) * ROW,
                                    r: item.join ? 2.5 : 4.5, class: item.join ? "join" : "dot",
                                    "data-layer": ends(item) }));
    return { svg, width };
}

function troubles(layer) {
    const [, dead, saturated, duplicate] = layer.kinds, words = [];
    if (dead)
        words.push(whole(dead) + " dead");
    if (saturated)
        words.push(whole(saturated) + " saturated");
    if (duplicate)
        words.push(whole(duplicate) + " duplicate");
    return words;
}

/* In words where they fit into so many pixels, else the numbers beside the kinds' colours. */
function troubleMark(layer, room) {
    const words = troubles(layer).join(", ");
    const box = make("span", { class: "box-dead", title: words });
    if (6.2 * (words.length + times(layer.shape).length) + 12 < room || !words) {
        box.append(words);
        return box;
    }
    const marks = make("span", { "aria-hidden": "true" });
    layer.kinds.forEach((n, kind) => {
        if (n && kind)
            marks.append(make("i", { class: "key " + kindNames[kind] }), whole(n));
    });
    box.append(make("span", { class: "unseen" }, words), marks);
    return box;
}

function graphRow(layer, room) {
    const bar = make("span", { class: "state", "aria-hidden": "true" });
    layer.kinds.forEach((n, kind) => {
        const part = make("i", { class: kindNames[kind] });
        part.style.flexGrow = n;
        if (n)
            bar.append(part);
    });
    layer.row = make("a", { href: hashOf(layer), class: "box" },
        make("span", { class: "box-name outside", title: layer.name }, layer.name),
        make("span", { class: "box-count" }),
        make("span", { class: "box-shape" }, times(layer.shape)),
        troubleMark(layer, room), bar);
    return make("li", null, layer.row);
}

function buildGraph() {
    const items = graphItems(), { svg, width } = graphLines(items, layLanes(items));
    const list = make("ol", { class: "rows" });
    list.style.paddingLeft = width + "px";
    list.append(make("li", null, make("span", { class: "box input" },
        make("span", { class: "box-name" }, "input"),
        make("span", { class: "box-shape" }, times(book.input)))));
    for (const layer of layers)
        list.append(graphRow(layer, SIDE - width));
    byId("graph").append(svg, list);
    byId("graph").addEventListener("mouseover", event => {
        const box = event.target.closest("a.box");
        lightWires(box ? layers.findIndex(l => l.row === box) : currentLayer);
    });
    byId("graph").addEventListener("mouseleave", () => lightWires(currentLayer));
}

function lightWires(number) {
    for (const part of byId("graph").querySelectorAll(".lit"))
        part.classList.remove("lit");
    if (number < 0)
        return;
    for (const part of byId("graph").querySelectorAll(
        `[data-from="${number}"],[data-to="${number}"],[data-layer="${number}"]`))
        part.classList.add("lit");
}

/* ---- the layer that is being read ---- */

let currentLayer = -1;

function showCurrent(number) {
    if (number === currentLayer)
        return;
    if (currentLayer >= 0)
        layers[currentLayer].row.removeAttribute("aria-current");
    currentLayer = number;
    lightWires(number);
    if (number < 0)
        return;
    const row = layers[number].row, side = byId("side");
    row.setAttribute("aria-current", "true");
    const box = row.getBoundingClientRect(), frame = side.getBoundingClientRect();
    if (box.top < frame.top + 60 || box.bottom > frame.bottom - 60)
        side.scrollTop += box.top - frame.top - frame.height / 2 + box.height / 2;
}
