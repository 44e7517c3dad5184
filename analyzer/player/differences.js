// What differs between two sides, as `compare` says it: a line leads both to where it shows best.

import { button, clear, el } from "./dom.js";
import { short } from "./look.js";

const FEW = 12; // pairs that do not differ are listed only when asked for, and of the others so many at first

export class DifferencesPanel {
  // owner: {pair, sides, a, b, options, show(difference), residual}; chosen: number in the list, or NaN
  constructor(owner, chosen) {
    this.owner = owner;
    this.chosen = Number.isNaN(chosen) ? null : chosen;
    this.asked = this.chosen;
    this.list = el("ol", { class: "cases differences", "aria-label": "What differs" });
    this.about = el("div", { class: "about" });
    this.more = el("div");
    this.below = el("div");
    this.element = el("section", { class: "panel" }, el("h3", {}, "What differs"), this.about, this.list, this.more, this.below);
  }

  async load() {
    const { pair, options } = this.owner;
    const [a, b] = [this.owner.a.view.state.site, this.owner.b.view.state.site];
    const turn = (this.turn = (this.turn ?? 0) + 1);
    if (pair.same_episode && a === b) return this.#say("Both sides show the same site. Choose another one on one of them.");
    this.#say("Looking for differences …");
    const address = pair.same_episode ? `${pair.differences}?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}` : pair.differences;
    let found;
    try {
      found = await options.differences(address);
    } catch (error) {
      if (turn === this.turn) this.#say(`What differs cannot be told: ${error.message}`, true);
      return;
    }
    if (turn !== this.turn || this.owner.gone) return;
    this.found = found;
    this.all = false;
    this.draw();
    this.told();
    const wanted = this.asked ?? null;
    this.asked = null;
    // An address that says where to look is left alone; else the page opens on what differs most.
    if (wanted !== null && found.differences[wanted]) {
      this.chosen = wanted;
      this.draw();
    } else if (options.fresh && found.differences[0]?.differs && !this.begun) this.choose(0);
    else if (this.chosen !== null && !found.differences[this.chosen]) this.chosen = null;
    this.begun = true;
  }

  #say(text, failed = false) {
    clear(this.list);
    clear(this.more);
    clear(this.below);
    clear(this.about).append(el("p", { class: failed ? "alarm" : "quiet" }, text));
  }

  draw() {
    const { differences, summary, not_assessed: missing, how, command } = this.found;
    const differing = differences.filter((one) => one.differs).length;
    clear(this.about).append(...summary.map((line) => el("p", { class: "quiet" }, line)));
    if (!differing) this.about.append(el("p", { class: "quiet" }, differences.length ? `No difference beyond the intervals, in ${differences.length} ${differences.length === 1 ? "pair" : "pairs"} of things.` : "Nothing could be compared: see what was not assessed."));
    const shown = this.all ? differences : differences.slice(0, Math.min(differing, FEW));
    clear(this.list).append(...shown.map((one, number) => this.#line(one, number)));
    const rest = differences.length - shown.length;
    clear(this.more).append(...(rest ? [button(`${rest} more ${differing > shown.length ? "" : "without a difference"}`.trim(), { className: "small", onclick: () => {
      this.all = true;
      this.draw();
    } })] : []));
    clear(this.below);
    if (missing.length) this.below.append(el("details", { class: "missing", open: !differences.length }, el("summary", {}, `Not assessed (${missing.length})`), el("ul", {}, ...missing.map((line) => el("li", {}, line)))));
    const copy = button("Copy", { title: "Copy the command that compares again", className: "small", onclick: () => navigator.clipboard?.writeText(command) });
    this.below.append(el("details", { class: "missing" }, el("summary", {}, "The same from a terminal"), el("p", {}, `Compared: ${how}.`), el("div", { class: "command" }, el("code", {}, command), copy)));
  }

  #line(one, number) {
    const chosen = this.chosen === number;
    const [a, b] = one.values;
    // Things are called as A calls them; what B calls them is said where it differs.
    const called = ["a", "b"].map((letter) => (one[`pair_${letter}`] ?? []).map((id) => this.owner[letter].episode.name(id)).join(", "));
    const inB = called[0] && called[1] && called[0] !== called[1] ? `in B: ${called[1]}` : null;
    const where = one.site_a === one.site_b ? one.site_a : [one.site_a, one.site_b].filter(Boolean).join(" | ");
    return el("li", {}, el("button", { type: "button", class: chosen ? "case chosen" : "case", "aria-current": chosen ? "true" : null, onclick: () => this.choose(number) },
      el("span", { class: "number" }, number + 1),
      el("span", { class: "what" },
        el("span", { class: "sentence" }, one.sentence),
        el("span", { class: "meta" }, one.kind === "pair" ? null : el("span", {}, one.title), where ? el("span", {}, where) : null, inB ? el("span", {}, inB) : null),
        a === null && b === null ? null : scale(a, b))));
  }

  choose(number) {
    this.chosen = number;
    const one = this.found.differences[number];
    this.draw();
    this.owner.show(one);
    this.list.querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
  }

  next(by) {
    const count = this.found?.differences.length;
    if (!count) return;
    const at = this.chosen === null ? (by > 0 ? 0 : count - 1) : (this.chosen + by + count) % count;
    if (at >= this.list.children.length) this.all = true;
    this.choose(at);
  }

  // How far the two bases agree at the sites in view.
  told() {
    const [a, b] = [this.owner.a.view.state.site, this.owner.b.view.state.site];
    const one = this.found?.residuals.find((found) => found.a === a && found.b === b);
    this.owner.residual.textContent = one ? `${a} and ${b}: ${short(one.value)} of the structure is not shared (0: the same, 1: unrelated), on ${one.spots.toLocaleString("en")} common spots.` : "";
  }
}

// Confusion in A and in B on one line, from 0 (apart) to 1 (the same).
function scale(a, b) {
  const told = [["a", a], ["b", b]].map(([letter, value]) => (value === null ? null : el("i", { class: letter, style: { left: `${100 * value}%` } }, letter.toUpperCase())));
  const both = a !== null && b !== null ? el("b", { style: { left: `${100 * Math.min(a, b)}%`, width: `${100 * Math.abs(a - b)}%` } }) : null;
  return el("span", { class: "dumbbell", role: "img", "aria-label": `Confusion: A ${short(a)}, B ${short(b)}` }, both, ...told);
}
