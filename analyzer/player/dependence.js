// What the action depends on: what erasing a thing does to it, beside what erasing background does.

import { el } from "./dom.js";
import { rgb, short } from "./look.js";

export function dependencePanel(episode, view) {
  const told = episode.dependence;
  if (!told) return null;
  const best = told.instances.map((one) => one.effects[0] ?? null);
  const most = Math.max(1e-9, ...best.map((effect) => (effect ? Math.max(effect.value, effect.control + effect.control_spread) / unit(effect) : 0)));
  function unit(effect) {
    // Effects of different quantities do not share an axis: each is drawn against the largest of its own.
    return Math.max(1e-9, ...best.filter((other) => other?.quantity === effect.quantity).map((other) => Math.max(other.value, other.control + other.control_spread)));
  }
  const rows = told.instances.map((one, i) => {
    const effect = best[i];
    const instance = episode.byId.get(one.instance);
    const alone = () => view.set({ solo: { kind: "instance", id: one.instance } });
    const name = el("button", { type: "button", class: "depends-name", title: "Show it alone", onclick: alone }, el("i", { class: "swatch", style: { background: rgb(instance?.color ?? [128, 128, 128]) } }), el("span", {}, episode.name(one.instance)));
    if (!effect) return el("li", {}, name, el("span", { class: "quiet" }, one.reason || "not assessed"));
    const share = (value) => `${(100 * Math.min(1, value / unit(effect) / most)).toFixed(1)}%`;
    const low = Math.max(0, effect.control - effect.control_spread);
    const words = `${effect.quantity}: ${short(effect.value)} ${effect.unit}; erasing background: ${short(effect.control)} ± ${short(effect.control_spread)}; p ${short(effect.p)}, ${one.frames.length} frames, ${one.controls} controls`;
    return el("li", { title: words }, name,
      el("span", { class: "bar", role: "img", "aria-label": words },
        el("i", { class: "control", style: { left: share(low), width: share(effect.control + effect.control_spread - low) } }),
        el("i", { class: one.verdict === "acts on it" ? "effect strong" : "effect", style: { width: share(effect.value) } })),
      el("span", { class: "figure" }, `${short(effect.value)} ${effect.unit}`),
    );
  });
  const missing = told.not_assessed.length ? el("details", { class: "missing" }, el("summary", {}, `Not assessed (${told.not_assessed.length})`), el("ul", {}, ...told.not_assessed.map((line) => el("li", {}, line)))) : null;
  return el("section", { class: "panel depends" },
    el("h3", {}, "What the action depends on"), ...told.sentences.map((line) => el("p", { class: "quiet" }, line)),
    rows.length ? el("ul", { class: "depends-list" }, ...rows) : null,
    rows.length ? el("div", { class: "trace-key" }, el("span", {}, el("i", { class: "k-effect" }), "change when erased"), el("span", {}, el("i", { class: "k-control" }), "when background is erased")) : null, missing);
}
