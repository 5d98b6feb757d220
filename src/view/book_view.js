/* book_view.js - one picture and its projection, large, with all that is known of them. */
"use strict";

let viewed = null;      /* { channel, i, wish }: i is wish, or the last where there are fewer */

function largeSide(layer) {
    const [th, tw] = layer.tile, longest = Math.max(th, tw);
    const room = Math.min((window.innerWidth - 84) / 2, window.innerHeight - 330, 420);
    const side = Math.max(60, room);
    return { width: side * tw / longest, height: side * th / longest };
}

function fact(list, key, value, outside) {
    if (value !== null && value !== "")
        list.append(make("div", null, make("dt", null, key),
            make("dd", { class: outside ? "outside" : "" }, value)));
}

function fillBig(holder, channel, column, words) {
    const { width, height } = largeSide(channel.layer), [th, tw] = channel.layer.tile;
    holder.replaceChildren(tileImage(channel, column, words, stripAddress(channel)));
    holder.style.width = width + "px";
    holder.style.height = height + "px";
    holder.classList.toggle("pixels", width / tw >= 2 || Math.max(th, tw) <= 32);
    holder.classList.toggle("down", column >= channel.n);
}

function scaleWords(channel, unit) {
    const most = chosen.contrast === "tile" ? unit.scale
        : chosen.contrast === "channel" ? largestScale(channel) : largestOfLayer(channel.layer);
    return most > 0 ? `grey is 0, white ${short(most)}, black ${short(-most)} (one scale per ${chosen.contrast})`
        : "nothing but zeros";
}

function fillView() {
    const { channel, i } = viewed, unit = unitOf(channel, i), p = unit.picture;
    const title = byId("view-title"), facts = byId("view-facts");
    title.replaceChildren(make("span", { class: "outside" }, channelName(channel)));
    byId("view-place").textContent = `${i + 1} of ${channel.n}`;
    fillBig(byId("view-patch"), channel, i, patchWords(unit));
    fillBig(byId("view-down"), channel, channel.n + i, "its projection");
    byId("view-border").textContent = isHatched(channel.layer, unit)
        ? "patch; violet: beyond the picture's border" : "patch";
    facts.replaceChildren();
    fact(facts, "value", short(unit.value));
    fact(facts, "class", className(p.label), true);
    fact(facts, "picture", p.index === p.number
        ? `${whole(p.number)} of ${p.split}` : `${whole(p.number)} (${p.split} ${whole(p.index)})`);
    fact(facts, "file", p.file, true);
    const place = unitWords(channel.layer, unit);
    fact(facts, "place", place && `${place} of ${times(channel.layer.shape.slice(0, 2))}`);
    fact(facts, "sees", seesWords(unit));
    fact(facts, "projection", scaleWords(channel, unit));
    byId("view-map").replaceChildren(fieldMap(unit));
    byId("view-others").textContent = `Channels that picture ${whole(p.number)} excites most`;
    byId("view-back").disabled = i === 0;
    byId("view-next").disabled = i === channel.n - 1;
}

function openView(channel, i) {
    if (!channel.n)
        return;
    viewed = { channel, wish: i, i: Math.min(i, channel.n - 1) };
    fillView();
    if (!byId("view").open)
        byId("view").showModal();
    byId("view-title").focus();
}

/* The next channel in the book's present order, by d = 1 or -1; null: none. */
function neighbour(channel, d) {
    let at = shownLayers.indexOf(channel.layer), place = channel.layer.shown.indexOf(channel.number) + d;
    while (at >= 0 && at < shownLayers.length) {
        const layer = shownLayers[at];
        if (place >= 0 && place < layer.shown.length)
            return channelsOf(layer)[layer.shown[place]];
        at += d;
        place = d > 0 ? 0 : at >= 0 ? shownLayers[at].shown.length - 1 : 0;
    }
    return null;
}

function viewStep(d) {
    const i = viewed.i + d;
    if (i < 0 || i >= viewed.channel.n)
        return;
    viewed.i = viewed.wish = i;
    fillView();
}

function viewChannel(d) {
    let channel = neighbour(viewed.channel, d);
    while (channel && !channel.n)
        channel = neighbour(channel, d);
    if (channel)
        openView(channel, viewed.wish);
}

const viewKeys = {
    ArrowLeft: () => viewStep(-1), ArrowRight: () => viewStep(1),
    ArrowUp: () => viewChannel(-1), ArrowDown: () => viewChannel(1)
};

function initView() {
    const view = byId("view");
    byId("view-close").addEventListener("click", () => view.close());
    byId("view-back").addEventListener("click", () => viewStep(-1));
    byId("view-next").addEventListener("click", () => viewStep(1));
    byId("view-others").addEventListener("click", () => {
        const number = picture(viewed.channel.raw[viewed.i * UNIT]).number;
        viewed = null;
        view.close();
        search("picture:" + number);
    });
    view.addEventListener("click", event => {
        if (event.target === view)
            view.close();
    });
    view.addEventListener("close", () => {
        if (viewed)
            goTo(viewed.channel.layer, viewed.channel.number);
        viewed = null;
    });
}
