/* book_data.js - what stands in the page's JSON blocks, and questions about it: names, counts,
 * order, search. Touches no element but those blocks. The order of the lists is book_page.c's. */
"use strict";

const kindNames = ["usual", "dead", "saturated", "duplicate"];
const DEAD = 1, DUPLICATE = 3;

const byId = id => document.getElementById(id);
const block = id => JSON.parse(byId(id).textContent);

const book = block("book-facts");
const layers = book.layers;
layers.forEach((layer, i) => {
    layer.number = i;
    layer.lower = layer.name.toLowerCase();
    layer.total = layer.shape[2];
    layer.outputs = book.outputs && i === layers.length - 1 && book.outputs.length === layer.total
        ? book.outputs : null;
});

let pictureList = null;
function picture(place) {
    pictureList = pictureList || block("book-pictures");
    const [number, test, index, label, file] = pictureList[place];
    return { number, split: test ? "test" : "train", index, label, file: file || null };
}

/* A layer's channels are read when it is first looked at. */
const UNIT = 10;      /* numbers a unit */
function channelsOf(layer) {
    if (!layer.channels) {
        layer.channels = block("book-layer-" + layer.number).map((row, number) => ({
            layer, number, kind: row[0], sameAs: row[1], fired: row[2], reason: row[3] || "",
            strip: row[4] || "", raw: row[5], n: row[5].length / UNIT,
            most: row[5].length ? row[5][1] : -Infinity
        }));
    }
    return layer.channels;
}

function unitOf(channel, i) {
    const [place, value, y, x, top, left, bottom, right, clipped, scale] =
        channel.raw.slice(i * UNIT, i * UNIT + UNIT);
    return { picture: picture(place), value, y, x, top, left, bottom, right, clipped, scale };
}

function largestScale(channel) {
    let most = 0;
    for (let i = UNIT - 1; i < channel.raw.length; i += UNIT)
        most = Math.max(most, channel.raw[i]);
    return most;
}

function largestOfLayer(layer) {
    if (layer.scale === undefined)
        layer.scale = channelsOf(layer).reduce((m, c) => Math.max(m, largestScale(c)), 0);
    return layer.scale;
}

/* ---- words ---- */

const whole = n => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const plural = (n, one, many) => whole(n) + " " + (n === 1 ? one : many || one + "s");

/* About three digits, without an exponent where that stays short. */
function short(value) {
    const a = Math.abs(value);
    if (!a)
        return "0";
    if (a >= 1e6 || a < 1e-4)
        return value.toExponential(2);
    return a >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function percent(share) {
    const p = share * 100;
    if (p > 0 && p < 0.1)
        return "< 0.1 %";
    return (p >= 99.95 || p === 0 ? p.toFixed(0) : p > 99.9 ? "> 99.9" : p.toFixed(1)) + " %";
}

const className = label => label < 0 ? "" : book.classes ? book.classes[label] || String(label)
    : String(label);
const channelName = channel => channel.layer.name + "/" + channel.number;
const share = channel => book.pictures > 0 ? channel.fired / book.pictures : 0;
const times = numbers => numbers.join(" × ");

function hashOf(layer, channel) {
    return "#" + layer.name.split("/").map(encodeURIComponent).join("/") +
        (channel === undefined ? "" : "/" + channel);
}

/* The layer of that name; or the one that a convolution of that name makes, whatever ends it. */
function layerNamed(name) {
    const makes = layers.filter(l => l.head === name);
    return layers.find(l => l.name === name) || (makes.length === 1 ? makes[0] : undefined);
}

/* What stands in an address, and a layer and a number if it ends in one: [name, layer, number]. */
function readHash(hash) {
    let name = hash.replace(/^#/, "");
    try {
        name = decodeURIComponent(name);
    } catch (error) { /* then it is taken as it stands */ }
    const parts = /^(.*)\/(\d+)$/s.exec(name);
    return [name, parts && layerNamed(parts[1]), parts && Number(parts[2])];
}

/* { layer, channel } of "#conv2/17", { layer } of "#conv2"; null: of neither. A layer's name may
 * hold slashes, so whole names come first. */
function findHash(hash) {
    const [name, home, number] = readHash(hash), layer = layerNamed(name);
    if (layer)
        return { layer };
    return home && number < home.total ? { layer: home, channel: number } : null;
}

/* What is said of an address of which findHash knows nothing; "": it names nothing. */
function strayWords(hash) {
    const [name, home] = readHash(hash), named = name.length > 80 ? name.slice(0, 80) + "..." : name;
    if (!name)
        return "";
    if (home)
        return `no channel ${named} in this book: ${home.name} has channels 0 to ${home.total - 1}`;
    return `no layer or channel ${named} in this book`;
}

/* ---- classes of a channel's pictures ---- */

/* [label, count], the commonest first, of equals the smaller label. */
function histogram(channel) {
    if (!channel.classes) {
        const counts = new Map();
        for (let i = 0; i < channel.raw.length; i += UNIT) {
            const label = picture(channel.raw[i]).label;
            if (label >= 0)
                counts.set(label, (counts.get(label) || 0) + 1);
        }
        channel.classes = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    }
    return channel.classes;
}

/* Nats; Infinity where nothing has a label. Rounded, so that equal counts are equal. */
function entropy(channel) {
    const counts = histogram(channel).map(pair => pair[1]);
    const n = counts.reduce((a, b) => a + b, 0);
    if (!n)
        return Infinity;
    return Math.round(1e9 * counts.reduce((h, c) => h - c / n * Math.log(c / n), 0)) / 1e9;
}

/* ---- order ---- */

const less = (a, b) => a < b ? -1 : a > b ? 1 : 0;
const deadRank = [3, 0, 1, 2];
const orders = {
    channel: () => 0,
    strongest: (a, b) => less(b.most, a.most),
    rarest: (a, b) => less(a.fired || Infinity, b.fired || Infinity),    /* never fired: last */
    dead: (a, b) => deadRank[a.kind] - deadRank[b.kind],
    selective: (a, b) => less(entropy(a), entropy(b)) || less(b.most, a.most)
};

/* ---- search ---- */

/* The classes that are a channel's commonest, in small letters. */
function commonest(channel) {
    const classes = histogram(channel);
    return classes.filter(pair => pair[1] === classes[0][1])
        .map(pair => className(pair[0]).toLowerCase());
}

const ownClass = channel =>
    channel.layer.outputs ? channel.layer.outputs[channel.number].toLowerCase() : "";

function hasPicture(channel, number) {
    for (let i = 0; i < channel.raw.length; i += UNIT)
        if (picture(channel.raw[i]).number === number)
            return true;
    return false;
}

function matchesClass(channel, text) {
    return ownClass(channel).includes(text) || commonest(channel).some(c => c.includes(text));
}

function matchesWord(channel, word) {
    const special = /^(picture|class):(.+)$/.exec(word);
    if (special && special[1] === "picture")
        return hasPicture(channel, Number(special[2]));
    if (special)
        return commonest(channel).concat(ownClass(channel))
            .some(c => /^\d+$/.test(special[2]) ? c === special[2] : c.includes(special[2]));
    if (/^\d+$/.test(word))
        return channel.number === Number(word);
    if (kindNames.includes(word) || word === "alive")
        return kindNames[channel.kind] === (word === "alive" ? "usual" : word);
    const names = [channel.layer.lower, (channel.layer.head || "").toLowerCase()];
    return names.some(name => name.includes(word) || name + "/" + channel.number === word) ||
        matchesClass(channel, word);
}

function matches(channel, query) {
    if (!query)
        return true;
    const words = query.split(/\s+/);
    return words.every(word => matchesWord(channel, word)) ||
        (words.length > 1 && matchesClass(channel, query));
}

/* The numbers of a layer's channels that are to be shown, in their order. */
function select(layer, query, kind, sort) {
    if (!query && kind === "all" && sort === "channel")
        return Array.from({ length: layer.total }, (_, i) => i);
    return channelsOf(layer)
        .filter(c => (kind === "all" || kindNames[c.kind] === kind) && matches(c, query))
        .sort((a, b) => orders[sort](a, b) || a.number - b.number)
        .map(c => c.number);
}
