// What looks wrong, on what evidence, and what could not be judged.

import { button, clear, el } from "./dom.js";
import { seconds, short } from "./look.js";
import { dependencePanel } from "./dependence.js";
import { Trace } from "./trace.js";

export class FindingsPanel {
  constructor(episode, view, { selectCase, reviewed }) {
    this.episode = episode;
    this.view = view;
    this.selectCase = selectCase;
    this.reviewed = reviewed; // case id -> "real" | "artefact" | "unsure" | null
    this.trace = new Trace(episode, view);
    this.list = el("ol", { class: "cases", "aria-label": "What looks wrong" });
    this.detail = el("div", { class: "case-detail" });
    this.pairPick = el("select", { "aria-label": "Pair of instances", onchange: (event) => this.#pick(event.target.value) });
    this.pairBox = el("section", { class: "panel pair-panel" });
    this.element = el("div", { class: "findings" }, el("section", { class: "panel" }, el("h3", {}, "What looks wrong"), this.#summary(), this.list, this.detail), this.pairBox, dependencePanel(episode, view));
    this.build();
  }

  #summary() {
    if (!this.episode.assessed) {
      return el("p", { class: "quiet" }, "This run holds colours and segments only: it has not been searched for failures. Run the analysis again to look for confusions and cases.");
    }
    if (!this.episode.cases.length) return el("p", { class: "quiet" }, "Nothing was found. That is not proof that nothing is wrong: see what was not assessed.");
    return null;
  }

  build() {
    this.#cases();
    this.#detail();
    this.#pair();
  }

  // Another verdict: nothing but the list tells of it, and making the rest again takes longer than saving.
  verdicts() {
    const now = this.#said();
    if (now !== this.said) this.#cases();
  }

  #said() {
    return this.episode.cases.map(({ id }) => this.reviewed(id)).join();
  }

  #cases() {
    this.said = this.#said();
    clear(this.list);
    this.episode.cases.forEach((one, number) => {
      const chosen = this.view.state.case === one.id;
      const verdict = this.reviewed(one.id);
      const time = seconds(this.episode.manifest.times[one.first]);
      this.list.append(el("li", {}, el(
        "button",
        { type: "button", class: chosen ? "case chosen" : "case", "aria-current": chosen ? "true" : null, title: chosen ? "Again: the episode as a whole" : null, onclick: () => (chosen ? this.view.set({ case: null }) : this.selectCase(one.id)) },
        el("span", { class: "number" }, number + 1),
        el("span", { class: "what" }, el("span", { class: "sentence" }, one.sentence), el("span", { class: "meta" }, `${this.#title(one.kind)} · ${time}`, verdict ? el("span", { class: `verdict ${verdict}` }, verdict) : null)),
        el("span", { class: "score", title: `deserves a look: ${short(one.score)}` }, el("i", { style: { height: `${Math.round(100 * one.score)}%` } })),
      )));
    });
  }

  #title(kind) {
    return this.episode.manifest.findings.kinds?.[kind]?.title ?? kind;
  }

  #detail() {
    clear(this.detail);
    const one = this.episode.cases.find(({ id }) => id === this.view.state.case);
    const missing = [...new Set([...(one?.not_assessed ?? []), ...this.episode.notAssessed])];
    if (one) {
      const rows = one.evidence.map((evidence) => el(
        "tr", { title: evidence.meaning || null },
        el("th", { scope: "row" }, evidence.name),
        el("td", {}, `${short(evidence.value)}${evidence.unit ? ` ${evidence.unit}` : ""}`),
        el("td", { class: "quiet" }, evidence.low !== null && evidence.low !== undefined ? `${short(evidence.low)} … ${short(evidence.high)}` : ""),
      ));
      if (rows.length) this.detail.append(el("h4", {}, "Evidence"), el("table", { class: "evidence" }, el("tbody", {}, ...rows)));
    }
    if (missing.length) {
      this.detail.append(el("details", { class: "missing", open: !this.episode.cases.length }, el("summary", {}, `Not assessed (${missing.length})`), el("ul", {}, ...missing.map((sentence) => el("li", {}, sentence)))));
    }
    if (one?.reproduce) {
      const copy = button("Copy", { title: "Copy the command that shows this case", className: "small", onclick: () => navigator.clipboard?.writeText(one.reproduce) });
      this.detail.append(el("details", { class: "missing" }, el("summary", {}, "Show it again from a terminal"), el("div", { class: "command" }, el("code", {}, one.reproduce), copy)));
    }
  }

  #pair() {
    clear(this.pairBox);
    this.pairBox.hidden = !this.episode.pairs.length;
    if (this.pairBox.hidden) return;
    clear(this.pairPick);
    this.pairPick.append(el("option", { value: "" }, "No pair"));
    const worst = (pair) => Math.max(-1, ...pair.sites.map((site) => site.value ?? -1));
    for (const pair of [...this.episode.pairs].sort((a, b) => worst(b) - worst(a))) {
      const top = worst(pair);
      this.pairPick.append(el("option", { value: `${pair.a}-${pair.b}` }, `${this.episode.name(pair.a)} / ${this.episode.name(pair.b)} · ${top < 0 ? "not assessed" : `up to ${short(top)}`}`));
    }
    const chosen = this.view.state.pair;
    this.pairPick.value = chosen ? chosen.join("-") : "";
    this.pairBox.append(el("h3", {}, "Told apart along the network?"), this.pairPick);
    const pair = this.episode.pairs[this.episode.pairIndex(chosen)];
    if (!pair) return void this.pairBox.append(el("p", { class: "quiet" }, "Choose two instances to see where in the network they become alike."));
    // A pair may be confused for some steps and told apart over all of them together.
    const part = this.episode.cases.find((one) => one.kind === "confused" && one.instances.includes(pair.a) && one.instances.includes(pair.b));
    const average = "Averaged over the whole episode, told apart at every site";
    const words = {
      apart: part ? `${average}, but not from step ${part.first} to ${part.last}. The circles are the frame in view.` : `${average}. The circles are the frame in view.`,
      merged: `Told apart early, taken for the same from ${pair.onset} on.`,
      "look-alikes": "Alike already in the picture itself.",
      "not assessed": "Too little of one of them was visible to tell.",
    };
    const thumbs = chosen.map((id) => {
      const source = this.episode.manifest.findings?.thumbnails?.[String(id)];
      const address = typeof source === "string" ? source : source?.base64 ? `data:image/png;base64,${source.base64}` : null;
      const instance = this.episode.byId.get(id);
      return el("figure", {}, address ? el("img", { src: address, alt: "" }) : null, el("figcaption", {}, el("i", { class: "swatch", style: { background: `rgb(${instance?.color.join(",")})` } }), this.episode.name(id)));
    });
    this.pairBox.append(el("div", { class: "pair-thumbs" }, ...thumbs), el("p", { class: `pair-verdict ${pair.verdict.replace(" ", "-")}` }, words[pair.verdict] ?? pair.verdict), this.trace.element);
    this.trace.draw(this.episode.analysed(this.view.state.frame));
  }

  #pick(text) {
    this.view.set({ pair: text ? text.split("-").map(Number) : null });
  }

  drawTrace(frame) {
    if (this.view.state.pair) this.trace.draw(this.episode.analysed(frame));
  }
}
