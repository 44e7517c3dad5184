// Two episodes in one player: a stage, sites and a time axis each, one clock, one way of looking, and what differs.

import { button, clear, el } from "./dom.js";
import { BareClock, VideoClock } from "./clock.js";
import { LookBar, RATES, Transport } from "./controls.js";
import { DifferencesPanel } from "./differences.js";
import { Episode } from "./episode.js";
import { moved, sameSpot } from "./geometry.js";
import { handleKey, helpSheet } from "./keys.js";
import { seconds } from "./look.js";
import { RemoteArray } from "./npy.js";
import { PairClock, sharedAxis } from "./pair_clock.js";
import { Painter } from "./paint.js";
import { SiteStrip } from "./sites.js";
import { pointAt, similarityAlong } from "./similarity.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { fromLink, MODES, toLink, View } from "./view.js";

const LETTERS = ["a", "b"];
const OTHER = { a: "b", b: "a" };
const SHARED = ["mode", "segments", "opacity", "outlines", "dimension"]; // what both sides have in common
const LINK_PAUSE = 250;
const THUMBNAIL_PAUSE = 120;
const CLOCK_NAMES = { time: "Time", step: "Step", phase: "Phase" };
const KEYS = [
  ["Space", "play or pause"], ["← →", "one moment back or on; with Shift ten"], ["Home End", "first and last moment"],
  ["[ ]", "shallower or deeper site, on both sides"], ["m", "next way of looking"], ["o", "overlay on or off"],
  ["b", "outlines of instances on or off"], ["n p", "next or previous difference"], ["l", "loop: start here, end here, off"],
  ["< >", "slower or faster"], ["?", "this sheet"],
];

// Show two episodes in `root`.
//   pair       see analyzer/player/pair_manifest.py
//   manifests  {a, b}: what the player knows of each
//   options    {theme, link {read, write, copy}, keys, differences(address) -> promise of what differs}
export function mountPair(root, pair, manifests, options = {}) {
  return new Comparison(root, pair, manifests, options).door();
}

class Side {
  constructor(letter, manifest, owner) {
    this.letter = letter;
    this.owner = owner;
    this.manifest = manifest;
    this.episode = new Episode(manifest);
    this.own = new Map(this.episode.sites.map((site) => [site.name, site.colors])); // colours in the side's own basis
    this.usual = this.#usual();
    this.view = new View({ ...this.usual });
    this.painter = new Painter(this.episode, () => owner.later());
    this.stage = new Stage(this.episode, this.view, this.painter);
    this.stage.picture.classList.add(letter);
    this.strip = new SiteStrip(this.episode, this.view, this.painter, this.stage);
    this.problem = null; // why nothing is drawn over the picture
  }

  #usual() {
    const { episode, letter, owner } = this;
    const site = owner.pair.same_episode && letter === "a" ? episode.sites[0] : episode.sites.at(-1);
    const most = Math.max(2, ...episode.sites.map((one) => one.merges.length + 1));
    return { frame: 0, site: site?.name ?? null, mode: "colors", pair: null, patch: null, segments: Math.min(12, most), solo: null, dimension: 0, case: null, opacity: 0.6, outlines: true };
  }

  head() {
    const { manifest, letter } = this;
    const outcome = manifest.success === null ? ["unknown", "success not recorded"] : manifest.success ? ["success", "success"] : ["failure", "failure"];
    this.alone = el("a", { class: "alone", href: "#", title: "Open this side alone, at this frame" }, "open alone");
    return el("div", { class: "side-head" },
      el("span", { class: `badge-side ${letter}` }, letter.toUpperCase()),
      el("div", { class: "side-facts" },
        el("span", { class: "side-name", title: manifest.episode }, manifest.episode),
        el("span", { class: `outcome ${outcome[0]}` }, outcome[1]),
        el("span", {}, manifest.policy), el("span", {}, `${this.episode.times.length} frames`), this.alone));
  }

  start(callbacks) {
    const { source } = this.manifest.video;
    const { stage, episode } = this;
    const bare = (why) => {
      this.clock?.destroy();
      this.clock = new BareClock(episode.times, episode.end, { ...callbacks, onstate: () => {} });
      this.owner.clock.sides[this.letter] = this.clock;
      stage.say(why, { stays: true });
      this.clock.seek(this.owner.frameOf(this.letter));
    };
    episode.memory.onerror = (error) => stage.say(`A part of the run could not be fetched: ${error.message}`);
    if (!source) return bare("No preview video: patches only");
    this.clock = new VideoClock(stage.video, episode.times, episode.end, {
      ...callbacks, onstate: () => {}, onerror: () => bare("This browser cannot play the preview video: patches only"),
    });
    this.owner.clock.sides[this.letter] = this.clock;
    this.clock.seek(this.owner.frameOf(this.letter));
    stage.video.src = source;
  }

  destroy() {
    this.clock?.destroy();
  }
}

class Comparison {
  constructor(root, pair, manifests, options) {
    Object.assign(this, { pair, options });
    this.a = new Side("a", manifests.a, this);
    this.b = new Side("b", manifests.b, this);
    this.sides = [this.a, this.b];
    const read = options.link?.read ?? (() => null);
    for (const side of this.sides) {
      const named = (name) => read(side.letter === "a" || SHARED.includes(name) ? name : `${name}_b`);
      const found = fromLink(named, side.episode, side.usual);
      delete found.frame;
      Object.assign(side.view.state, found);
    }
    this.#chooseClock(pair.clocks.find(({ name }) => name === read("clock")) ?? pair.clocks.find(({ name, matched }) => name === "phase" && matched.length) ?? pair.clocks[0]);
    this.clock.wanted = this.clock.clamp(/^\d{1,7}$/.test(read("at") ?? "") ? Number(read("at")) : 0);
    const { mode } = this.a.view.state;
    this.look = new View({ ...Object.fromEntries(SHARED.map((key) => [key, this.a.view.state[key]])), mode, patch: this.a.view.state.patch ?? this.b.view.state.patch, solo: null });
    if (mode === "similarity" && !this.look.state.patch) for (const view of [this.look, this.a.view, this.b.view]) view.state.mode = "colors";
    this.bar = new LookBar(this.a.episode, this.look);
    const other = new LookBar(this.b.episode, this.look);
    const own = this.bar.unavailable.bind(this.bar);
    this.bar.unavailable = (one) => (own(one) !== null ? (other.unavailable(one) !== null ? own(one) : null) : null);
    this.bar.draw();
    this.begun = null;
    this.transport = new PairTransport(this.a.episode, {
      play: () => this.clock.toggle(), step: (by) => this.step(by), edge: (side) => this.edge(side), rate: (value) => this.clock.setRate(value),
      loop: () => this.loop(), help: () => this.help(), link: options.link?.copy ?? null, save: () => this.savePicture(),
    });
    this.differences = new DifferencesPanel(this, Number(/^\d{1,4}$/.exec(read("difference") ?? "")?.[0] ?? NaN));
    this.sheet = helpSheet(() => this.sheet.close(), KEYS, "Click a patch: what looks like it on both sides, where they share a basis or a picture. Drag a time axis: both seek.");
    this.axes = el("div", { class: "axes" });
    this.how = el("p", { class: "quiet clock-how" });
    this.clockPick = el("div", { class: "segmented", role: "radiogroup", "aria-label": "Aligned by" });
    this.live = el("div", { class: "said", role: "status", "aria-live": "polite" });
    this.element = el("div", { class: "lens compare", "data-theme": options.theme ?? "auto", lang: "en" },
      this.#header(),
      el("div", { class: "body" },
        el("div", { class: "main" },
          ...this.sides.map((side) => warnings(side)),
          this.bar.element,
          el("div", { class: "two" }, ...this.sides.map((side) => el("section", { class: `column ${side.letter}`, "aria-label": side.letter.toUpperCase() }, side.head(), side.stage.element, side.strip.element))),
          this.transport.element,
          el("div", { class: "clock-bar" }, el("span", { class: "quiet" }, "Aligned by"), this.clockPick, this.how),
          this.axes),
        el("aside", { class: "side", "aria-label": "What differs" }, this.differences.element, this.#colorsPanel())),
      this.live, this.sheet);
    clear(root).append(this.element);
    this.#start();
  }

  #header() {
    const [a, b] = this.sides.map(({ manifest }) => manifest.instruction || "no instruction recorded");
    const words = a === b ? [el("h2", {}, a)] : [el("h2", {}, el("span", { class: "badge-side a" }, "A"), a), el("h2", {}, el("span", { class: "badge-side b" }, "B"), b)];
    return el("header", {}, ...words, el("div", { class: "facts" }, el("span", {}, this.pair.question)));
  }

  #colorsPanel() {
    const { how, told } = this.pair.colors;
    this.residual = el("p", { class: "quiet" });
    const swap = how === "agreed" ? button("B in the colours of A", { className: "chip", pressed: true, title: "Show B in the colours of A, or in its own", onclick: () => {
      this.ownColors = !this.ownColors;
      swap.setAttribute("aria-pressed", String(!this.ownColors));
      this.#agree();
      this.redraw();
    } }) : null;
    const segments = how === "shared" ? null : el("p", { class: "quiet" }, "Segments are numbered by each run for itself: their colours do not agree.");
    return el("section", { class: "panel colors-panel" }, el("h3", {}, how === "own" ? "Colours do not agree" : "Colours agree"), el("p", { class: how === "own" ? "alarm" : "quiet" }, told), swap ? el("div", {}, swap) : null, this.residual, segments);
  }

  // -- clock ---------------------------------------------------------------------------------------------------------

  #chooseClock(told) {
    const before = this.clock;
    const frame = before && before.at >= 0 ? before.moments.a[before.at] : null;
    before?.destroy();
    this.told = told;
    this.axis = { a: sharedAxis(told, "a", this.a.episode.times[0]), b: sharedAxis(told, "b", this.b.episode.times[0]) };
    this.clock = new PairClock(told, { a: this.a.clock, b: this.b.clock }, { onmoment: (at) => this.#shown(at), onstate: () => this.transport.playing(this.clock.playing) });
    if (before) {
      Object.assign(this.clock, { there: before.there, rate: before.rate });
      // A side that is still on its way to where the old clock sent it arrives at the new one.
      this.clock.wanted = frame === null ? 0 : this.clock.momentOf("a", frame);
    }
  }

  frameOf(letter) {
    return this.clock.moments[letter][this.clock.wanted];
  }

  align(name) {
    const told = this.pair.clocks.find((one) => one.name === name);
    if (!told || told === this.told) return;
    if (this.clock.playing) this.clock.pause();
    this.#chooseClock(told);
    this.begun = null;
    this.transport.loop(null, null);
    this.#buildAxes();
    this.clock.seek(this.clock.wanted);
    this.#write();
  }

  #drawClocks() {
    const choices = Object.keys(CLOCK_NAMES).filter((name) => this.pair.clocks.some((one) => one.name === name) || this.pair.missing[name]);
    clear(this.clockPick).append(...(choices.length > 1 ? choices.map((name) => {
      const why = this.pair.missing[name] ?? null;
      return el("button", { type: "button", role: "radio", "aria-checked": String(name === this.told.name), disabled: why !== null, title: why ?? this.pair.clocks.find((one) => one.name === name).how, onclick: () => this.align(name) }, CLOCK_NAMES[name]);
    }) : [el("span", { class: "only" }, "The same recording, frame by frame")]));
    this.how.textContent = choices.length > 1 ? this.told.how : "";
  }

  #buildAxes() {
    this.#drawClocks();
    // Actions of both are drawn into the lanes of A; what both sides share is not shown twice.
    const folded = this.sides.map((side) => side.timeline?.folded ?? new Set(side.letter === "a" ? ["instances"] : this.pair.same_episode ? ["instances", "actions", "cases"] : ["instances", "actions"]));
    const both = !this.pair.same_recording && this.b.episode.actions?.series.some((row) => row.recorded);
    clear(this.axes);
    this.sides.forEach((side, i) => {
      side.timeline = new Timeline(side.episode, side.view, side.painter, {
        axis: this.axis[side.letter], ruler: side.letter === "a",
        beside: both && side.letter === "a" ? { actions: this.b.episode.actions, axis: this.axis.b, own: "A", name: "B", color: () => getComputedStyle(this.element).getPropertyValue("--side-b").trim() } : null,
        seek: (_, share) => this.seekTo(share * this.told.end_s),
        selectCase: (id) => this.selectCase(side, id),
      });
      side.timeline.folded = folded[i];
      side.timeline.build();
      side.timeline.element.setAttribute("aria-label", `Time of ${side.letter.toUpperCase()}`);
      this.axes.append(el("div", { class: `axis ${side.letter}` }, el("span", { class: `badge-side ${side.letter}`, "aria-hidden": "true" }, side.letter.toUpperCase()), side.timeline.element));
      side.timeline.resize();
    });
    this.#mark();
  }

  // -- start ---------------------------------------------------------------------------------------------------------

  async #start() {
    for (const side of this.sides) {
      side.start({ onframe: (frame) => this.clock.arrived(side.letter, frame) });
      side.view.listen((names) => this.#changed(side, names));
    }
    this.look.listen((names, state) => {
      const changes = Object.fromEntries(SHARED.filter((key) => names.has(key)).map((key) => [key, state[key]]));
      for (const side of this.sides) side.view.set({ ...changes, ...(names.has("patch") && !state.patch ? { patch: null } : {}) });
    });
    this.keys = (event) => {
      if (this.sheet.open) return void (event.key === "?" && this.sheet.close());
      handleKey(event, this.#actions());
    };
    (this.options.keys ?? document).addEventListener("keydown", this.keys);
    this.#buildAxes();
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(this.element);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.sides.forEach((side) => side.timeline.draw());
    this.scheme.addEventListener("change", this.repaint);
    this.#resized();
    this.#agree();
    this.clock.seek(this.clock.wanted);
    await Promise.all(this.sides.map((side) => side.episode.loadConfusion().catch(() => {})));
    if (this.gone) return;
    this.#buildAxes();
    this.redraw();
    const clicked = this.sides.find((side) => side.view.state.patch);
    if (clicked) this.#similar(clicked);
    for (const side of this.sides) {
      for (const name of ["colors", "divisions"]) await side.episode.site(side.view.state.site)?.[name]?.open().catch(() => {});
    }
    if (this.gone) return;
    this.later();
    this.element.dataset.ready = "true";
    this.differences.load();
  }

  // B in the colours of A, where the two have bases of their own and the same pictures.
  async #agree() {
    const { how, source } = this.pair.colors;
    if (how !== "agreed") return;
    const [a, b] = [this.a.view.state.site, this.b.view.state.site];
    const site = this.b.episode.site(b);
    if (!a || !site) return;
    if (this.ownColors) return void (site.colors = this.b.own.get(b));
    this.agreed ??= new Map();
    const key = JSON.stringify([a, b]);
    if (!this.agreed.has(key)) {
      const address = source.replace("SITE_A", encodeURIComponent(a)).replace("SITE_B", encodeURIComponent(b));
      this.agreed.set(key, new RemoteArray(new URL(address, document.baseURI).href, this.b.episode.memory));
    }
    const array = this.agreed.get(key);
    if (!array.shape) this.b.stage.say("Bringing B's colours in line with A's …");
    site.colors = array;
    try {
      await array.open();
      this.b.stage.say(null);
    } catch (error) {
      site.colors = this.b.own.get(b);
      this.agreed.delete(key);
      this.b.stage.say(`B is shown in its own colours: ${error.message}`);
    }
    this.redraw();
  }

  // -- drawing -------------------------------------------------------------------------------------------------------

  #shown(at) {
    if (this.gone) return;
    for (const side of this.sides) {
      const frame = this.clock.moments[side.letter][at];
      side.stage.draw(frame);
      if (side.view.state.frame !== frame) {
        this.settling = true;
        side.view.set({ frame });
        this.settling = false;
      }
    }
    this.#mark();
    this.#thumbnails();
    this.#write();
  }

  #mark() {
    if (this.clock.at < 0) return;
    const at = this.clock.moments.at[this.clock.at];
    for (const side of this.sides) {
      const frame = this.clock.moments[side.letter][this.clock.at];
      side.timeline?.mark(frame, at / this.told.end_s);
      const { ends } = this.axis[side.letter];
      const over = at >= ends - 1e-3 && ends < this.told.end_s - 0.05;
      if (over !== side.over) {
        side.over = over;
        side.stage.element.classList.toggle("over", over);
        side.overNote ??= el("div", { class: "over-note" });
        side.overNote.textContent = `${side.letter.toUpperCase()} has ended: this is its last frame`;
        side.overNote.hidden = !over;
        side.stage.frameElement.append(side.overNote);
      }
      side.alone.href = `/?${new URLSearchParams({ run: this.pair[side.letter].run, episode: side.manifest.episode, frame, site: side.view.state.site ?? "" })}`;
    }
    this.transport.tell(at, this.told.end_s, this.sides.map((side) => `${side.letter.toUpperCase()} ${this.clock.moments[side.letter][this.clock.at]}`));
  }

  #thumbnails() {
    if (this.drawing) return;
    this.drawing = setTimeout(() => requestAnimationFrame(() => {
      this.drawing = null;
      // On its way to the next moment a video shows what does not belong together: the strips wait for the one after.
      if (this.gone || this.clock.at < 0 || this.clock.going !== null) return;
      for (const side of this.sides) side.strip.draw(this.clock.moments[side.letter][this.clock.at]);
    }), this.clock.playing ? THUMBNAIL_PAUSE : 0);
  }

  later() {
    if (this.due || this.gone) return;
    this.due = requestAnimationFrame(() => {
      this.due = null;
      if (!this.gone) this.redraw();
    });
  }

  // Only while both videos stand where they were drawn last.
  redraw() {
    if (this.clock.at < 0 || this.clock.going !== null) return;
    for (const side of this.sides) {
      if (side.clock instanceof VideoClock && side.stage.video.readyState < 2) continue;
      side.stage.draw(this.clock.moments[side.letter][this.clock.at]);
    }
    this.#thumbnails();
  }

  #resized() {
    const width = this.element.clientWidth;
    this.element.classList.toggle("narrow", width < 1120);
    for (const side of this.sides) {
      side.stage.resize();
      side.timeline?.resize();
    }
    this.redraw();
  }

  // -- changes -------------------------------------------------------------------------------------------------------

  #changed(side, names) {
    const { state } = side.view;
    const shared = SHARED.filter((key) => names.has(key));
    if (shared.length) this.look.set(Object.fromEntries(shared.map((key) => [key, state[key]])));
    if (names.has("patch")) {
      if (state.patch && !this.following) this.look.set({ patch: state.patch });
      if (!this.following) this.#similar(state.patch ? side : null);
    }
    const only = (...keys) => [...names].every((name) => keys.includes(name));
    if (only("frame")) return;
    if (names.has("pair") || names.has("patch")) side.timeline.build();
    else if (names.has("case")) side.timeline.draw();
    else if (names.has("site") || names.has("solo")) side.timeline.highlight();
    if (names.has("site")) {
      side.strip.reveal();
      this.#agree();
      if (this.look.state.patch && !names.has("patch")) this.#similar(this.sides.find((one) => one.view.state.patch && !one.view.state.patch.followed) ?? null);
      if (this.pair.same_episode) this.differences.load();
      this.differences.told();
    }
    if (!this.bar.sliding && !only("frame", "site", "case", "pair")) this.bar.draw();
    this.#mark();
    this.redraw();
    this.#write();
  }

  // Who looks like the clicked patch: on its own side; on the other by the same coordinates where both have one basis and
  // the same site is in view, else by what lies at the same spot where both show the same pictures.
  async #similar(side) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const alive = () => !this.gone && turn === this.turn;
    for (const one of this.sides) {
      one.painter.similarities.clear();
      if (one.similarNote) one.stage.say(null);
      one.similarNote = false;
    }
    if (!side) return;
    const other = this[OTHER[side.letter]];
    const { patch, site: name } = side.view.state;
    const site = side.episode.site(name);
    if (!site?.eigenvectors || !patch) return;
    const at = { ...patch, ...moved(patch, side.episode.site(patch.site)?.grid ?? site.grid, site.grid) };
    try {
      const from = await pointAt(site, at);
      const done = await similarityAlong(site, from, alive, (partly) => this.#like(side, name, partly), at.frame);
      if (!done) return;
      this.#like(side, name, done);
      const theirs = other.episode.site(other.view.state.site);
      if (!theirs?.eigenvectors) return;
      let found = null;
      if (this.pair.colors.how === "shared" && theirs.name === name) found = await similarityAlong(theirs, from, alive);
      else if (this.pair.same_recording) {
        const spot = sameSpot(side.episode.cameras[at.camera], site.grid, at, other.episode.cameras, theirs.grid);
        if (spot) {
          const frame = other.episode.analysed(side.episode.frames[at.frame]);
          const there = { frame, ...spot };
          found = await similarityAlong(theirs, await pointAt(theirs, there), alive, null, frame);
          if (found) this.#follow(other, { ...there, site: theirs.name, followed: true });
        }
      } else if (alive()) {
        other.similarNote = true;
        other.stage.say(this.pair.colors.how === "shared" ? `Choose ${name} here too: similarity is within one site` : "No basis and no picture in common: similarity is shown on the other side alone");
      }
      if (found && alive()) this.#like(other, theirs.name, found);
    } catch (error) {
      if (alive()) side.stage.say(`Similarity failed: ${error.message}`);
    }
  }

  #like(side, site, values) {
    side.painter.similarities.set(site, values);
    side.timeline.build();
    this.redraw();
  }

  #follow(side, patch) {
    this.following = true;
    side.view.set({ patch });
    this.following = false;
  }

  #write() {
    if (!this.options.link) return;
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      if (this.gone) return;
      const written = { clock: this.pair.clocks.length > 1 ? this.told.name : null, at: String(Math.max(0, this.clock.at)), difference: this.differences.chosen === null ? null : String(this.differences.chosen) };
      for (const side of this.sides) {
        const state = side.view.state.patch?.followed ? { ...side.view.state, patch: null } : side.view.state;
        for (const [name, value] of Object.entries(toLink(state, side.usual))) {
          if (name === "frame" || (side.letter === "b" && SHARED.includes(name))) continue;
          written[side.letter === "a" ? name : `${name}_b`] = value;
        }
      }
      this.options.link.write(written);
    }, LINK_PAUSE);
  }

  // -- what keys and buttons do --------------------------------------------------------------------------------------

  seekTo(time) {
    if (this.clock.playing) this.clock.pause();
    this.clock.seek(this.clock.momentAt(time));
  }

  seekFrame(letter, frame) {
    if (this.clock.playing) this.clock.pause();
    this.clock.seek(this.clock.momentOf(letter, frame));
  }

  step(by) {
    if (this.clock.playing) this.clock.pause();
    this.clock.seek(this.clock.wanted + by);
  }

  edge(side) {
    if (this.clock.playing) this.clock.pause();
    this.clock.seek(side < 0 ? this.clock.first : this.clock.last);
  }

  selectCase(side, id) {
    const one = side.episode.cases.find((found) => found.id === id);
    if (!one) return;
    const site = side.episode.site(one.sites.at(-1));
    side.view.set({ case: id, ...(site ? { site: site.name } : {}) });
    this.seekFrame(side.letter, side.episode.frames[one.first]);
    this.live.textContent = one.sentence;
  }

  // Go to a difference: both sides look at the pair, at the sites compared, where it shows best.
  show(one) {
    for (const side of this.sides) {
      const { letter } = side;
      const pair = one[`pair_${letter}`];
      const known = pair ? [Math.min(...pair), Math.max(...pair)] : null;
      const site = side.episode.site(one[`site_${letter}`]);
      const about = one.side === letter ? one.case : null;
      side.view.set({ pair: known && side.episode.pairIndex(known) >= 0 ? known : null, case: about, ...(site ? { site: site.name } : {}) });
    }
    if (one.frame) this.seekFrame(...one.frame);
    this.live.textContent = one.sentence;
    this.#write();
  }

  loop() {
    const { clock } = this;
    if (clock.loop) clock.loop = this.begun = null;
    else if (this.begun === null) this.begun = clock.wanted;
    else {
      clock.loop = [Math.min(this.begun, clock.wanted), Math.max(this.begun, clock.wanted)];
      this.begun = null;
    }
    for (const side of this.sides) side.timeline.loop(clock.loop ? clock.loop.map((at) => clock.moments[side.letter][at]) : null);
    const told = (at) => seconds(clock.moments.at[at]);
    this.transport.loop(clock.loop ? clock.loop.map(told) : null, this.begun === null ? null : told(this.begun));
  }

  help() {
    if (this.sheet.open) this.sheet.close();
    else this.sheet.showModal();
  }

  #actions() {
    const { look } = this;
    return {
      step: (by) => this.step(by), edge: (side) => this.edge(side), play: () => this.clock.toggle(), episode: () => {}, solo: () => {},
      site: (by) => {
        for (const side of this.sides) {
          const at = side.episode.sites.findIndex((site) => site.name === side.view.state.site) + by;
          if (side.episode.sites[at]) side.view.set({ site: side.episode.sites[at].name });
        }
      },
      mode: () => {
        const open = MODES.filter((mode) => this.bar.unavailable(mode) === null && (mode !== "similarity" || look.state.patch));
        look.set({ mode: open[(open.indexOf(look.state.mode) + 1) % open.length] });
      },
      overlay: () => {
        if (look.state.mode !== "off") this.before = look.state.mode;
        look.set({ mode: look.state.mode === "off" ? (this.before ?? "colors") : "off" });
      },
      outlines: () => look.set({ outlines: !look.state.outlines }),
      nextCase: (by) => this.differences.next(by),
      loop: () => this.loop(),
      faster: (by) => {
        const at = RATES.indexOf(Number(this.transport.rate.value)) + by;
        if (RATES[at] === undefined) return;
        this.transport.rate.value = String(RATES[at]);
        this.clock.setRate(RATES[at]);
      },
      help: () => this.help(),
    };
  }

  // Both pictures beside each other, as they are on the screen.
  savePicture() {
    const pictures = this.sides.map(({ stage }) => stage);
    const both = document.createElement("canvas");
    const gap = 8;
    both.width = pictures.reduce((sum, { picture }) => sum + picture.width, gap);
    both.height = Math.max(...pictures.map(({ picture }) => picture.height));
    const context = both.getContext("2d");
    let left = 0;
    for (const { picture, marks } of pictures) {
      context.drawImage(picture, left, 0);
      context.drawImage(marks, left, 0);
      left += picture.width + gap;
    }
    both.toBlob((blob) => {
      const address = URL.createObjectURL(blob);
      const names = this.sides.map((side) => `${side.manifest.episode}-${side.view.state.site}`).join("--");
      el("a", { href: address, download: `${names}-${this.clock.at}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    });
  }

  door() {
    return {
      pair: this,
      setTheme: (theme) => {
        if (this.element.dataset.theme === theme) return;
        this.element.dataset.theme = theme;
        this.repaint?.();
      },
      destroy: () => this.destroy(),
    };
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.writing);
    this.clock.destroy();
    for (const side of this.sides) side.destroy();
    this.observer?.disconnect();
    this.scheme?.removeEventListener("change", this.repaint);
    (this.options.keys ?? document).removeEventListener("keydown", this.keys);
    this.element.remove();
  }
}

class PairTransport extends Transport {
  tell(at, end, frames) {
    this.where.textContent = `${seconds(at)} / ${seconds(end)}`;
    this.overlay.textContent = frames.join(" · ");
  }
}

function warnings({ manifest, letter }) {
  if (!manifest.warnings.length) return null;
  return el("details", { class: "notes warning" }, el("summary", {}, `Parts of ${letter.toUpperCase()} cannot be shown (${manifest.warnings.length})`), el("ul", {}, ...manifest.warnings.map((line) => el("li", {}, line))));
}
