// The player: one episode, one clock, one view that all parts share. `mount` is the door; see docs in analyzer/player.

import { clear, el } from "./dom.js";
import { BareClock, VideoClock } from "./clock.js";
import { Episode } from "./episode.js";
import { FindingsPanel } from "./findings.js";
import { handleKey, helpSheet } from "./keys.js";
import { inflate } from "./npy.js";
import { LookBar, RATES, Transport } from "./controls.js";
import { ObjectsPanel } from "./objects.js";
import { Painter } from "./paint.js";
import { Pointing } from "./pointing.js";
import { ReviewPanel } from "./review.js";
import { SiteStrip } from "./sites.js";
import { similarityAtSite } from "./similarity.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { fromLink, LINKED, MODES, toLink, View } from "./view.js";

const LINK_PAUSE = 250; // milliseconds between a change and the address; browsers limit how often it may change
const THUMBNAIL_PAUSE = 120; // while playing
const SIMILARITY_KEPT = 64 << 20; // bytes

// Show the episode of `manifest` in `root` (an element or a shadow root).
//   link     {read(name) -> text|null, write({name: text|null})}: where the view is kept; null: nowhere
//   theme    "light" | "dark" | "auto"
//   keys     the element whose keys are listened to; default: the document
//   review   {save(entries), reviews[], reviewer} or null: no review panel
//   objects  {address, send(changes), renew() -> promise of a manifest} or null: nothing can be pointed at
//   episode  function(-1 | 1): go to the previous or next episode; null: there is no other
//   video    an element that is loading the preview already; none: the player loads it
//   changed  function(state, names): told of every change of the view
//   tools    function(player) -> elements that stand at the end of the header
// Returns {view, seek, arrived, objectsArrived, setTheme, destroy}.
export function mount(root, manifest, options = {}) {
  const player = new Player(root, manifest, options);
  return player.door();
}

class Player {
  constructor(root, manifest, options) {
    this.options = options;
    this.manifest = manifest;
    this.episode = new Episode(manifest);
    this.usual = this.#usual();
    const { episode } = this;
    this.view = new View({ ...this.usual, ...(options.link ? fromLink(options.link.read, episode, this.usual) : {}), ...(options.initial ?? {}) });
    this.#consistent();
    this.painter = new Painter(episode, () => this.#later());
    this.stage = new Stage(episode, this.view, this.painter, options.video);
    this.sites = new SiteStrip(episode, this.view, this.painter, this.stage);
    this.look = new LookBar(episode, this.view);
    this.begun = null; // where a loop starts, until it has an end
    this.transport = new Transport(episode, {
      play: () => this.clock.toggle(), step: (by) => this.step(by), edge: (side) => this.edge(side),
      rate: (value) => this.clock.setRate(value), loop: () => this.loop(), help: () => this.help(),
      link: options.link?.copy ?? null, save: () => this.savePicture(),
    });
    this.timeline = new Timeline(episode, this.view, this.painter, { seek: (frame) => this.seek(frame), selectCase: (id) => this.selectCase(id) });
    this.review = options.review ? new ReviewPanel(episode, this.view, { ...options.review, onchange: () => this.findings?.verdicts() }) : null;
    this.findings = this.#findings();
    this.pointing = options.objects && episode.sites.length ? new Pointing(episode, this.view, this.stage, {
      frame: () => this.clock.wanted ?? this.clock.frame,
      seek: (frame) => this.seek(frame),
      finish: (object) => this.objects.put(object),
      close: () => (this.look.element.hidden = false),
    }) : null;
    this.objects = this.pointing ? new ObjectsPanel(episode, this.view, { ...options.objects, start: () => this.point(), show: (instance, frame) => this.#alone(instance, frame), renew: () => this.#renew() }) : null;
    this.sheet = helpSheet(() => this.sheet.close());
    this.live = el("div", { class: "said", role: "status", "aria-live": "polite" });
    this.element = el(
      "div", { class: "lens", "data-theme": options.theme ?? "auto", lang: "en" },
      this.#header(),
      el("div", { class: "body" },
        el("div", { class: "main" }, this.#warnings(), this.look.element, this.pointing?.element, this.stage.element, this.transport.element, this.sites.element, this.timeline.element, this.#notes()),
        el("aside", { class: "side", "aria-label": "Findings" }, this.findings.element, this.objects?.element, this.review?.element),
      ),
      this.live, this.sheet,
    );
    clear(root).append(this.element);
    this.#start();
  }

  #findings() {
    return new FindingsPanel(this.episode, this.view, { selectCase: (id) => this.selectCase(id), reviewed: (id) => this.review?.verdictOf(id) ?? null });
  }

  #usual() {
    const { episode } = this;
    const first = episode.cases[0];
    const pair = first ? this.#pairOf(first) : null;
    const site = episode.site(first?.sites.at(-1)) ?? episode.sites.at(-1);
    const most = Math.max(2, ...episode.sites.map((one) => one.merges.length + 1));
    return {
      frame: first ? episode.frames[first.first] : 0, site: site?.name ?? null, mode: site?.colors ? "colors" : "segments", pair, patch: null, segments: Math.min(12, most),
      solo: null, dimension: 0, case: first?.id ?? null, opacity: 0.6, outlines: true,
    };
  }

  #pairOf(one) {
    const { episode } = this;
    for (const a of one.instances) for (const b of one.instances) if (a < b && episode.pairIndex([a, b]) >= 0) return [a, b];
    return null;
  }

  // A link may ask for what this episode cannot show.
  #consistent() {
    const { state } = this.view;
    if (state.mode === "similarity" && !state.patch) state.mode = "colors";
    if (state.mode === "confusion" && !this.episode.confusion) state.mode = "colors";
    if (state.mode === "attribution" && !this.episode.attributionSite) state.mode = "colors";
  }

  #header() {
    const { manifest } = this;
    const outcome = manifest.success === null ? ["unknown", "success not recorded"] : manifest.success ? ["success", "success"] : ["failure", "failure"];
    return el("header", {},
      el("h2", {}, manifest.instruction || "no instruction recorded"),
      el("div", { class: "facts" }, el("span", { class: `outcome ${outcome[0]}` }, outcome[1]), el("span", {}, manifest.policy), el("span", {}, manifest.episode), el("span", {}, `${this.episode.times.length} frames`)),
      this.tools ??= el("div", { class: "tools" }, ...(this.options.tools?.(this) ?? [])),
    );
  }

  #warnings() {
    const { warnings } = this.manifest;
    if (!warnings.length) return null;
    return el("details", { class: "notes warning", open: true },
      el("summary", {}, warnings.length > 1 ? `${warnings.length} parts of this run cannot be shown` : "A part of this run cannot be shown"),
      el("ul", {}, ...warnings.map((line) => el("li", {}, line))));
  }

  #notes() {
    const { notes, source } = this.manifest;
    return el("details", { class: "notes" }, el("summary", {}, "About this recording"), el("ul", {}, el("li", {}, source), ...notes.map((line) => el("li", {}, line))));
  }

  async #start() {
    const { source } = this.manifest.video;
    this.callbacks = {
      onframe: (frame, image) => this.#shown(frame, image),
      onstate: () => this.transport.playing(this.clock?.playing ?? false),
      onerror: () => this.#withoutVideo("This browser cannot play the preview video: patches only"),
    };
    this.episode.memory.onerror = (error) => {
      this.stage.say(`A part of the run could not be fetched: ${error.message}`);
      this.missing = true;
    };
    if (source) {
      this.clock = new VideoClock(this.stage.video, this.episode.times, this.episode.end, this.callbacks);
      this.clock.seek(this.view.state.frame);
      if (this.stage.video.error) this.callbacks.onerror();
      else if (!this.options.video) this.stage.video.src = typeof source === "string" ? source : this.#blob(await inflate(source));
    } else this.#withoutVideo("No preview video: patches only");
    this.unlisten = this.view.listen((names, state) => this.#changed(names, state));
    this.keys = (event) => {
      if (this.sheet.open) return void (event.key === "?" && this.sheet.close());
      handleKey(event, this.#actions());
    };
    (this.options.keys ?? document).addEventListener("keydown", this.keys);
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(this.element);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.timeline.draw();
    this.scheme.addEventListener("change", this.repaint);
    this.#resized();
    const colors = this.#fetched(this.episode.site(this.view.state.site)?.colors);
    await this.episode.loadConfusion().catch(() => {});
    if (this.gone) return;
    this.timeline.build();
    this.timeline.resize();
    this.findings.build();
    this.redraw();
    if (this.view.state.patch) this.#compare();
    await colors;
    this.#prefetch();
  }

  // The part of an array that the frame in view is in.
  #fetched(array) {
    const index = this.episode.analysed(this.view.state.frame);
    return array?.open().then(() => array.piece(Math.floor(index / array.rowsEach))).catch(() => {});
  }

  #withoutVideo(why) {
    const { loop, rate } = this.clock ?? {};
    this.clock?.destroy();
    this.clock = Object.assign(new BareClock(this.episode.times, this.episode.end, this.callbacks), loop ? { loop } : {}, rate ? { rate } : {});
    this.stage.say(why, { stays: true });
    this.transport.playing(false);
    this.clock.seek(this.view.state.frame);
  }

  #blob(bytes) {
    this.address = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
    return this.address;
  }

  // Sites one after the other, so that switching to any of them is instant.
  async #prefetch() {
    const current = this.episode.site(this.view.state.site);
    const order = [current, ...this.episode.sites.filter((site) => site !== current)].filter(Boolean);
    for (const name of ["colors", "divisions"]) {
      for (const site of order) {
        if (this.gone) return;
        if (!site[name]) continue;
        await this.#fetched(site[name]);
        this.#later();
      }
    }
    this.ready = true;
    this.element.dataset.ready = "true";
  }

  // -- drawing -------------------------------------------------------------------------------------------------------

  #shown(frame, image) {
    if (this.gone) return;
    this.stage.draw(frame, image);
    // For whoever measures how long a page takes to be of use.
    if (!this.seen) this.seen = requestAnimationFrame(() => performance.mark("lens picture"));
    this.transport.show(frame, this.view.state.mode);
    this.timeline.mark(frame);
    if (this.view.state.frame !== frame) {
      this.settling = true; // the view follows the picture: nothing is to be sought again
      this.view.set({ frame });
      this.settling = false;
    }
    this.#thumbnails(frame);
  }

  #thumbnails(frame) {
    if (this.drawing) return;
    const pause = this.clock.playing ? THUMBNAIL_PAUSE : 0;
    this.drawing = setTimeout(() => requestAnimationFrame(() => {
      this.drawing = null;
      if (this.gone) return;
      const shown = this.clock.playing ? this.clock.capture?.() : null;
      const now = shown?.frame ?? this.clock.frame ?? frame;
      this.sites.draw(now, shown?.image);
      shown?.image.close();
      this.findings.drawTrace(now);
    }), pause);
  }

  // Something that was missing has come: draw again, once.
  #later() {
    if (this.due || this.gone) return;
    this.due = requestAnimationFrame(() => {
      this.due = null;
      if (this.gone) return;
      if (this.missing) this.stage.say(null);
      this.missing = false;
      this.redraw();
    });
  }

  redraw() {
    if (!this.clock || this.clock.going !== undefined && this.clock.going !== null) return;
    if (this.clock instanceof VideoClock && this.stage.video.readyState < 2) return;
    const shown = this.clock.playing ? this.clock.capture?.() : null;
    const frame = shown?.frame ?? this.clock.frame;
    this.stage.draw(frame, shown?.image);
    shown?.image.close();
    this.transport.show(frame, this.view.state.mode);
    this.timeline.mark(frame);
    this.#thumbnails(frame);
  }

  #resized() {
    const width = this.element.clientWidth;
    this.element.classList.toggle("narrow", width < 1120);
    this.stage.resize();
    this.timeline.resize();
    this.redraw();
  }

  // -- changes -------------------------------------------------------------------------------------------------------

  #changed(names, state) {
    if (names.has("frame") && !this.settling) this.clock.seek(state.frame);
    this.pointing?.changed(names);
    const only = (...keys) => [...names].every((name) => keys.includes(name));
    if (!only("frame")) {
      if (names.has("pair") || names.has("patch")) this.timeline.build();
      else if (names.has("case")) this.timeline.draw();
      else if (names.has("site") || names.has("solo")) this.timeline.highlight();
      if (names.has("case") || names.has("pair")) this.findings.build();
      if (names.has("case")) this.review?.draw();
      if (names.has("patch")) this.#compare();
      if (!this.look.sliding && !only("frame", "site", "case", "pair")) this.look.draw();
      if (names.has("site")) this.sites.reveal();
      if (names.has("site") && state.mode === "similarity") this.#compare();
      this.redraw();
    }
    this.options.changed?.(state, names);
    if (this.options.link && [...names].some((name) => LINKED.includes(name))) {
      clearTimeout(this.writing);
      // A second's worth of frames is one change of the address.
      this.writing = setTimeout(() => this.options.link.write(toLink(this.view.state, this.usual)), LINK_PAUSE);
    }
  }

  // The clicked patch against all patches of all frames: the site in view first, then the others.
  async #compare() {
    const { patch, site } = this.view.state;
    const same = JSON.stringify(patch);
    if (this.compared !== same) this.painter.similarities.clear();
    this.compared = same;
    if (!patch) return;
    const alive = () => !this.gone && JSON.stringify(this.view.state.patch) === same && this.turn === turn;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const current = this.episode.site(site);
    const from = this.episode.site(patch.site)?.grid ?? current.grid;
    let kept = [...this.painter.similarities.values()].reduce((sum, { length }) => sum + length, 0);
    for (const one of [current, ...this.episode.sites.filter((other) => other !== current)]) {
      // Of a very long video only the sites that are looked at.
      if (!one?.eigenvectors || this.painter.similarities.has(one.name) || (one !== current && kept > SIMILARITY_KEPT)) continue;
      const at = { ...patch, row: Math.min(one.grid[0] - 1, Math.floor(((patch.row + 0.5) * one.grid[0]) / from[0])), column: Math.min(one.grid[1] - 1, Math.floor(((patch.column + 0.5) * one.grid[1]) / from[1])) };
      let begun = null;
      const partly = one === current ? (result) => {
        begun = result;
        this.painter.similarities.set(one.name, result);
        this.redraw();
      } : null;
      try {
        const result = await similarityAtSite(one, at, alive, partly);
        if (!result) {
          // Half a result goes; what a later click has put in its place stays.
          if (begun && this.painter.similarities.get(one.name) === begun) this.painter.similarities.delete(one.name);
          return;
        }
        this.painter.similarities.set(one.name, result);
        kept += result.length;
        // Eigenvectors are most of a run: those of sites that are not looked at would fill the memory.
        if (one !== current) one.eigenvectors.release();
      } catch (error) {
        this.stage.say(`Similarity at ${one.name} failed: ${error.message}`);
        continue;
      }
      this.redraw();
    }
    if (alive()) this.timeline.build();
  }

  // -- what keys and buttons do --------------------------------------------------------------------------------------

  seek(frame) {
    if (this.clock.playing) this.clock.pause();
    this.clock.seek(frame);
  }

  step(by) {
    this.seek((this.clock.wanted ?? this.clock.frame) + by);
  }

  edge(side) {
    this.seek(side < 0 ? this.clock.first : this.clock.last);
  }

  selectCase(id) {
    const one = this.episode.cases.find((found) => found.id === id);
    if (!one) return;
    const pair = this.#pairOf(one);
    const site = this.episode.site(one.sites.at(-1));
    this.view.set({ case: id, ...(pair ? { pair } : {}), ...(site ? { site: site.name } : {}) });
    this.seek(this.episode.frames[one.first]);
    this.live.textContent = `Case ${this.episode.cases.indexOf(one) + 1}: ${one.sentence}`;
  }

  loop() {
    const frame = this.clock.wanted ?? this.clock.frame;
    if (this.clock.loop) this.clock.loop = this.begun = null;
    else if (this.begun === null) this.begun = frame;
    else {
      this.clock.loop = [Math.min(this.begun, frame), Math.max(this.begun, frame)];
      this.begun = null;
    }
    this.timeline.loop(this.clock.loop);
    this.transport.loop(this.clock.loop, this.begun);
  }

  // Point at an object in the frame in view; again: leave it.
  point() {
    if (!this.pointing) return;
    if (this.pointing.on) return this.pointing.stop();
    this.clock.pause();
    this.look.element.hidden = true;
    this.pointing.start();
  }

  #alone(instance, frame) {
    const same = this.view.state.solo?.kind === "instance" && this.view.state.solo.id === instance.id;
    this.view.set({ solo: same ? null : { kind: "instance", id: instance.id } });
    if (!same && frame < this.episode.times.length) this.seek(frame);
  }

  // Somebody has pointed at something: take the new findings, and leave the picture and the view as they are.
  async #renew() {
    const manifest = await this.options.objects.renew();
    if (this.gone || !manifest || !this.episode.renew(manifest)) return;
    this.manifest = manifest;
    this.usual = this.#usual();
    await this.episode.loadConfusion().catch(() => {});
    if (this.gone) return;
    const { episode, view } = this;
    const { pair, solo } = view.state;
    // Ids stay; what is gone is let go.
    view.set({
      ...(episode.pairIndex(pair) < 0 ? { pair: null } : {}),
      ...(solo?.kind === "instance" && !episode.byId.has(solo.id) ? { solo: null } : {}),
      ...(episode.cases.some(({ id }) => id === view.state.case) ? {} : { case: null }),
    });
    this.#consistent();
    const before = this.findings.element;
    this.findings = this.#findings();
    before.replaceWith(this.findings.element);
    this.painter.strongest.clear();
    this.stage.pointed = null;
    this.timeline.build();
    this.look.draw();
    this.review?.draw();
    this.redraw();
  }

  help() {
    if (this.sheet.open) this.sheet.close();
    else this.sheet.showModal();
  }

  #actions() {
    const { episode, view } = this;
    const pointing = this.pointing?.on ? {
      walk: (rows, columns) => this.pointing.walk(rows, columns), take: () => this.pointing.take(), aside: () => this.pointing.aside(),
      grow: (by) => this.pointing.grow(by), name: () => this.pointing.focusName(),
    } : null;
    return {
      point: () => this.point(),
      pointing,
      step: (by) => this.step(by),
      edge: (side) => this.edge(side),
      play: () => this.clock.toggle(),
      episode: (by) => this.options.episode?.(by),
      site: (by) => {
        const at = episode.sites.findIndex((site) => site.name === view.state.site) + by;
        if (episode.sites[at]) view.set({ site: episode.sites[at].name });
      },
      mode: () => {
        const open = MODES.filter((mode) => this.look.unavailable(mode) === null && (mode !== "similarity" || view.state.patch));
        view.set({ mode: open[(open.indexOf(view.state.mode) + 1) % open.length] });
      },
      overlay: () => {
        if (view.state.mode !== "off") this.before = view.state.mode;
        view.set({ mode: view.state.mode === "off" ? (this.before ?? this.usual.mode) : "off" });
      },
      outlines: () => view.set({ outlines: !view.state.outlines }),
      nextCase: (by) => {
        if (!episode.cases.length) return;
        const at = episode.cases.findIndex(({ id }) => id === view.state.case);
        const next = at < 0 ? (by > 0 ? 0 : episode.cases.length - 1) : (at + by + episode.cases.length) % episode.cases.length;
        this.selectCase(episode.cases[next].id);
      },
      solo: (number) => this.#solo(number),
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

  // The n-th largest segment of the frame in view, alone.
  #solo(number) {
    const { state } = this.view;
    const site = this.episode.site(state.site);
    const index = this.episode.analysed(this.clock.frame);
    const counts = new Map();
    this.episode.cameras.forEach((_, c) => this.painter.segmentRow(site, index, c, state.segments)?.forEach((id) => counts.set(id, (counts.get(id) ?? 0) + 1)));
    const id = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[number - 1]?.[0];
    if (id === undefined) return;
    const same = state.solo?.kind === "segment" && state.solo.id === id;
    this.view.set({ solo: same ? null : { kind: "segment", id }, mode: "segments" });
  }

  savePicture() {
    const { picture, marks } = this.stage;
    const both = document.createElement("canvas");
    [both.width, both.height] = [picture.width, picture.height];
    const context = both.getContext("2d");
    context.drawImage(picture, 0, 0);
    context.drawImage(marks, 0, 0);
    both.toBlob((blob) => {
      const address = URL.createObjectURL(blob);
      const { state } = this.view;
      el("a", { href: address, download: `${this.manifest.episode}-${state.frame}-${state.site}-${state.mode}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    });
  }

  door() {
    return {
      view: this.view,
      player: this,
      seek: (frame) => this.seek(frame),
      arrived: (news) => this.review?.arrived(news),
      objectsArrived: (news) => this.objects?.arrived(news),
      setTheme: (theme) => {
        if (this.element.dataset.theme === theme) return;
        this.element.dataset.theme = theme;
        this.timeline.draw();
      },
      destroy: () => this.destroy(),
    };
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.writing);
    this.review?.destroy();
    this.objects?.destroy();
    this.unlisten?.();
    this.clock?.destroy();
    this.observer?.disconnect();
    this.scheme?.removeEventListener("change", this.repaint);
    (this.options.keys ?? document).removeEventListener("keydown", this.keys);
    if (this.address) URL.revokeObjectURL(this.address);
    this.element.remove();
  }
}
