// The layer trace of a pair: how alike the policy takes two instances for, site by site, in order of depth.

import { clear, el, svg } from "./dom.js";
import { short } from "./look.js";

const HEIGHT = 150;
const LEFT = 30;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 40;

export class Trace {
  constructor(episode, view) {
    this.episode = episode;
    this.view = view;
    this.element = el("div", { class: "trace" });
  }

  draw(index) {
    clear(this.element);
    const pair = this.episode.pairs[this.episode.pairIndex(this.view.state.pair)];
    if (!pair) return;
    const width = Math.max(260, this.element.clientWidth || 340);
    const inner = width - LEFT - RIGHT;
    const count = pair.sites.length;
    const x = (i) => LEFT + (count > 1 ? (i / (count - 1)) * inner : inner / 2);
    const y = (value) => TOP + (1 - value) * (HEIGHT - TOP - BOTTOM);
    const parts = [];
    for (const value of [0, 0.5, 1]) {
      parts.push(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "grid" }));
      parts.push(svg("text", { x: LEFT - 6, y: y(value) + 3.5, class: "tick", "text-anchor": "end" }, short(value)));
    }
    if (pair.pixels !== null && pair.pixels !== undefined) {
      parts.push(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(pair.pixels), y2: y(pair.pixels), class: "pixels" }, svg("title", {}, `in the picture's own colours: ${short(pair.pixels)}`)));
    }
    const runs = (pick) => {
      const groups = [[]];
      pair.sites.forEach((site, i) => {
        if (pick(site) === null || pick(site) === undefined) groups.push([]);
        else groups.at(-1).push([x(i), y(pick(site))]);
      });
      return groups.filter((group) => group.length);
    };
    const points = (list) => list.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
    const lows = runs((site) => site.low);
    runs((site) => site.high).forEach((highs, i) => lows[i]?.length === highs.length && parts.push(svg("polygon", { points: points([...highs, ...[...lows[i]].reverse()]), class: "band" })));
    for (const group of runs((site) => site.features)) parts.push(svg("polyline", { points: points(group), class: "features" }));
    for (const group of runs((site) => site.value)) parts.push(svg("polyline", { points: points(group), class: "value" }));
    pair.sites.forEach((site, i) => {
      const now = this.episode.confusionAt(this.view.state.pair, site.site, index);
      if (now) parts.push(svg("circle", { cx: x(i), cy: y(now.value), r: 3.5, class: "now" }, svg("title", {}, `${site.site}, this frame: ${short(now.value)}`)));
      const chosen = site.site === this.view.state.site;
      if (site.value !== null) parts.push(svg("circle", { cx: x(i), cy: y(site.value), r: chosen ? 5 : 3.2, class: chosen ? "dot chosen" : "dot" }));
      if (site.site === pair.onset) {
        parts.push(svg("line", { x1: x(i), x2: x(i), y1: TOP, y2: HEIGHT - BOTTOM, class: "onset" }));
        const late = i > count / 2;
        parts.push(svg("text", { x: x(i) + (late ? -5 : 5), y: TOP + 8, class: "onset-name", "text-anchor": late ? "end" : "start" }, "onset"));
      }
      const every = Math.ceil(count / Math.max(1, Math.floor(inner / 54)));
      if (i % every === 0 || chosen) {
        const room = Math.max(6, Math.floor((every * inner) / Math.max(1, count - 1) / 6));
        const name = site.site.length > room ? `…${site.site.slice(1 - room)}` : site.site;
        parts.push(svg("text", { x: x(i), y: HEIGHT - BOTTOM + 16, class: chosen ? "tick chosen" : "tick", "text-anchor": i === 0 && count > 1 ? "start" : i === count - 1 && count > 1 ? "end" : "middle" }, name));
      }
      const half = inner / Math.max(2, 2 * (count - 1));
      if (this.episode.site(site.site)) {
        parts.push(svg("rect", { x: x(i) - half, y: TOP, width: 2 * half, height: HEIGHT - TOP - 22, class: "hit", onclick: () => this.view.set({ site: site.site }) },
          svg("title", {}, `${site.site}: ${short(site.value)}${site.low !== null ? ` [${short(site.low)}, ${short(site.high)}]` : ""} · raw features ${short(site.features)}. Click to show this site.`)));
      }
    });
    const chart = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT - 16}`, width: "100%", role: "img", "aria-label": this.#spoken(pair) }, ...parts);
    this.element.append(chart, el("div", { class: "trace-key" },
      el("span", {}, el("i", { class: "k-value" }), "eigenspace, with interval"), el("span", {}, el("i", { class: "k-features" }), "raw features"),
      pair.pixels === null ? null : el("span", {}, el("i", { class: "k-pixels" }), "picture"), el("span", {}, el("i", { class: "k-now" }), "this frame")));
  }

  #spoken(pair) {
    const values = pair.sites.map((site) => `${site.site} ${site.value === null ? "not assessed" : short(site.value)}`).join(", ");
    return `Confusion of ${this.episode.name(pair.a)} and ${this.episode.name(pair.b)} along the sites: ${values}`;
  }
}
