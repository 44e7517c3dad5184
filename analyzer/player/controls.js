// The two rows of controls: how to look (above the picture) and when (below it).

import { button, clear, el, icon } from "./dom.js";
import { seconds } from "./look.js";
import { MODES, MODE_NAMES } from "./view.js";

export const RATES = [0.1, 0.25, 0.5, 1, 2, 4];

export class LookBar {
  constructor(episode, view) {
    this.episode = episode;
    this.view = view;
    this.modes = el("div", { class: "segmented", role: "radiogroup", "aria-label": "Overlay" });
    this.extra = el("div", { class: "extra" });
    this.element = el("div", { class: "look-bar" }, this.modes, this.extra);
    this.draw();
  }

  // Why a mode has nothing to show; null: it has.
  unavailable(mode) {
    const { episode } = this;
    if (mode === "similarity" && !episode.sites.some((site) => site.eigenvectors)) return "This file holds no eigenvectors: similarity needs them.";
    if (mode === "confusion" && !episode.confusion) return episode.assessed ? "No pair of instances could be assessed." : "The run has not been searched for confusions.";
    if (mode === "attribution" && !(episode.attribution && episode.attributionSite)) return "The policy of this run predicts no actions, or none were asked for: nothing to attribute.";
    return null;
  }

  draw() {
    const { state } = this.view;
    clear(this.modes).append(...MODES.map((mode) => {
      const why = this.unavailable(mode);
      return el("button", { type: "button", role: "radio", "aria-checked": String(state.mode === mode), disabled: why !== null, title: why ?? `${MODE_NAMES[mode]} (m: next)`, onclick: () => this.view.set({ mode }) }, MODE_NAMES[mode]);
    }));
    clear(this.extra);
    if (state.mode === "segments") this.#slider("Segments", "segments", 2, this.#most(), 1, (value) => value);
    if (state.mode === "attribution") {
      const names = this.episode.actions?.series.filter((row) => row.predicted).map((row) => row.name) ?? [];
      const pick = el("select", { "aria-label": "Action dimension", onchange: (event) => this.view.set({ dimension: Number(event.target.value) }) }, ...names.map((name, i) => el("option", { value: i, selected: i === state.dimension }, name)));
      this.extra.append(el("label", {}, "Moves", pick));
    }
    if (state.mode === "similarity" && !state.patch) this.extra.append(el("span", { class: "hint" }, "Click a patch to see what looks like it."));
    if (state.mode === "similarity" && state.patch) this.extra.append(button("Clear", { title: "Forget the clicked patch", className: "small", onclick: () => this.view.set({ patch: null, mode: "colors" }) }));
    if (state.solo) {
      const name = state.solo.kind === "instance" ? this.episode.name(state.solo.id) : `segment ${state.solo.id}`;
      this.extra.append(button(`only ${name.length > 24 ? `${name.slice(0, 23)}…` : name} ×`, { title: "Show all again", className: "chip", pressed: true, onclick: () => this.view.set({ solo: null }) }));
    }
    if (state.mode !== "off") this.#slider("Opacity", "opacity", 0, 1, 0.05, (value) => `${Math.round(100 * value)} %`);
    if (this.episode.labels) this.extra.append(button("Outlines", { className: "chip", pressed: state.outlines, title: "Outlines of instances (b)", onclick: () => this.view.set({ outlines: !state.outlines }) }));
  }

  #most() {
    return Math.max(2, ...this.episode.sites.map((site) => site.merges.length + 1));
  }

  #slider(name, key, min, max, step, words) {
    const value = el("output", {}, words(Math.min(max, this.view.state[key])));
    const input = el("input", { type: "range", min, max, step, value: this.view.state[key], "aria-label": name });
    input.addEventListener("input", () => {
      value.textContent = words(Number(input.value));
      this.sliding = true;
      this.view.set({ [key]: Number(input.value) });
      this.sliding = false;
    });
    this.extra.append(el("label", { class: "slider" }, name, input, value));
  }
}

export class Transport {
  constructor(episode, { play, step, edge, rate, loop, help, link, save }) {
    this.episode = episode;
    this.playButton = button("", { title: "Play (Space)", icon: "play", className: "primary", onclick: play });
    this.rate = el("select", { "aria-label": "Speed", title: "Speed (< >)", onchange: (event) => rate(Number(event.target.value)) }, ...RATES.map((value) => el("option", { value, selected: value === 1 }, `${value}×`)));
    this.loopButton = button("", { title: "Loop: start here (l)", icon: "loop", className: "plain", pressed: false, onclick: loop });
    this.loopText = el("span", { class: "loop-text" });
    this.where = el("span", { class: "where", "aria-live": "off" });
    this.overlay = el("span", { class: "overlay-note" });
    this.element = el(
      "div", { class: "transport" },
      button("", { title: "First frame (Home)", icon: "back", className: "plain", onclick: () => edge(-1) }),
      button("", { title: "One frame back (←)", icon: "chevron", className: "plain turn-left", onclick: () => step(-1) }),
      this.playButton,
      button("", { title: "One frame on (→)", icon: "chevron", className: "plain turn-right", onclick: () => step(1) }),
      button("", { title: "Last frame (End)", icon: "next", className: "plain", onclick: () => edge(1) }),
      this.where, this.overlay, el("span", { class: "space" }), this.loopText, this.loopButton, this.rate,
      button("", { title: "Save this picture as PNG", icon: "camera", className: "plain", onclick: save }),
      link ? button("", { title: "Copy a link to this view", icon: "link", className: "plain", onclick: link }) : null,
      button("", { title: "Keys (?)", icon: "help", className: "plain", onclick: help }),
    );
  }

  show(frame, mode) {
    const { times, frames } = this.episode;
    this.where.textContent = `${frame} / ${times.length - 1} · ${seconds(times[frame])}`;
    const index = this.episode.analysed(frame);
    const near = frames[mode === "attribution" ? this.episode.attributedAt(index) : index];
    this.overlay.textContent = near === frame || mode === "off" ? "" : `overlay of frame ${near}`;
  }

  playing(is) {
    this.playButton.replaceChildren(icon(is ? "pause" : "play"));
    this.playButton.title = is ? "Pause (Space)" : "Play (Space)";
    this.playButton.setAttribute("aria-label", this.playButton.title);
  }

  loop(range, begun) {
    this.loopButton.setAttribute("aria-pressed", String(Boolean(range || begun !== null)));
    this.loopButton.title = range ? "Loop off (l)" : begun === null ? "Loop: start here (l)" : "Loop: end here (l)";
    this.loopText.textContent = range ? `${range[0]} – ${range[1]}` : begun === null ? "" : `${begun} – …`;
  }
}
