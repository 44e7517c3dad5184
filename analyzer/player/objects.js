// The objects that people pointed at: what they are called, and how far following them is.

import { button, clear, el } from "./dom.js";
import { seconds } from "./look.js";
import { newId, Outbox } from "./outbox.js";

const SOON = 700; // milliseconds between two questions while something is being followed
const SELDOM = 8000; // and while nothing is: somebody else may be pointing
const AGAIN = 5000; // after something could not be saved

export class ObjectsPanel {
  // options: {address, send({changes}), start(), show(instance), renew() -> promise}
  constructor(episode, view, options) {
    this.episode = episode;
    this.view = view;
    this.options = options;
    this.session = newId();
    this.serial = 0;
    this.outbox = new Outbox(`objects/${episode.manifest.run}/${episode.manifest.episode}`);
    this.told = { objects: [], version: 0, made: 0, work: { state: "none" } };
    this.known = false; // whether the server has said anything yet
    this.asked = -1; // version for which the work was asked to begin again
    this.error = null;
    this.editing = null;
    this.add = el("button", { type: "button", class: "small", title: "Point at an object in this frame (a)", onclick: () => options.start() }, "Add an object");
    this.list = el("ul", { class: "objects-list" });
    this.work = el("div", { class: "work", role: "status", "aria-live": "polite", hidden: true });
    this.empty = el("p", { class: "quiet" }, "Point at a thing that was not found, or give one a name: it is followed through the episode and compared with the others.");
    this.element = el("section", { class: "panel objects" }, el("div", { class: "panel-head" }, el("h3", {}, "Objects you named"), this.add), this.empty, this.list, this.work);
    this.draw();
    if (this.outbox.entries.size) this.#send();
    this.#ask();
  }

  // -- to and from the server ----------------------------------------------------------------------------------------

  put(object) {
    this.#change({ id: newId(), ...object });
  }

  #change(object) {
    this.outbox.put({ ...object, session: this.session, serial: ++this.serial });
    this.#send();
    this.draw();
  }

  #send() {
    this.options.send([...this.outbox.entries.values()]);
    this.#later(SOON);
  }

  // What came of what was sent.
  arrived({ saved = [], error }) {
    this.error = error ?? null;
    // What the server has it will tell again; until then it stays in sight.
    for (const { id } of saved) {
      const entry = this.outbox.entries.get(id);
      if (!entry) continue;
      const others = this.told.objects.filter((one) => one.id !== id);
      const there = this.told.objects.find((one) => one.id === id);
      this.told.objects = entry.removed ? others : there ? this.told.objects.map((one) => (one.id === id ? { ...one, ...entry } : one)) : [...others, entry];
      this.told.version = Math.max(this.told.version, this.told.made + 1);
    }
    this.outbox.settle(saved);
    clearTimeout(this.retry);
    if (this.error && this.outbox.entries.size) this.retry = setTimeout(() => this.outbox.entries.size && this.#send(), AGAIN);
    this.draw();
    this.#ask();
  }

  async #ask() {
    if (this.gone) return;
    clearTimeout(this.timer);
    try {
      const answer = await fetch(this.options.address, { cache: "no-cache" });
      if (!answer.ok) throw new Error((await answer.text()).slice(0, 300));
      this.told = await answer.json();
      this.known = true;
      this.lost = null;
    } catch (error) {
      this.lost = error instanceof TypeError ? "The server does not answer." : error.message;
    }
    if (this.gone) return;
    await this.#renew();
    this.draw();
    this.#later(this.busy ? SOON : SELDOM);
  }

  #later(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (document.visibilityState === "hidden" && !this.busy ? this.#later(SELDOM) : this.#ask()), pause);
  }

  get busy() {
    return this.known && (this.told.work.state === "running" || this.outbox.entries.size > 0);
  }

  // New findings are there; or nobody makes those that are missing.
  async #renew() {
    const { version, made, work } = this.told;
    const shown = this.episode.manifest.findings?.objects ?? 0;
    if (this.known && made !== shown && made !== this.renewing) {
      this.renewing = made;
      await this.options.renew().catch((error) => (this.lost = error.message));
      this.renewing = null;
    }
    if (this.known && made < version && work.state !== "running" && work.state !== "stopped" && this.asked !== version) {
      this.asked = version;
      this.options.send([]);
    }
  }

  // -- what is shown -------------------------------------------------------------------------------------------------

  // As the server has them, with what is on its way.
  all() {
    const merged = new Map(this.told.objects.map((one) => [one.id, one]));
    for (const [id, entry] of this.outbox.entries) {
      if (entry.removed) merged.delete(id);
      else merged.set(id, { ...merged.get(id), ...entry, waiting: true });
    }
    return [...merged.values()];
  }

  draw() {
    const focused = this.element.getRootNode().activeElement;
    if (focused?.classList?.contains("rename") && this.list.contains(focused)) return this.#drawWork();
    const all = this.all();
    this.empty.hidden = all.length > 0;
    clear(this.list).append(...all.map((one) => this.#row(one)));
    this.#drawWork();
  }

  #row(one) {
    const instance = this.episode.instances.find(({ pointed }) => pointed === one.id);
    const done = this.told.made >= this.told.version && !one.waiting;
    const at = this.episode.times[one.frame];
    const where = at === undefined ? "" : `frame ${one.frame}, ${seconds(at)}`;
    const status = one.waiting ? (this.error ? "not saved" : "saving …") : instance ? where : done ? "could not be followed" : this.told.work.state === "stopped" ? "waiting" : "being followed …";
    if (this.editing === one.id) {
      const field = el("input", { type: "text", class: "rename", value: one.name, maxlength: 80, "aria-label": `New name of ${one.name}`, onkeydown: (event) => {
        event.stopPropagation();
        if (event.key === "Enter") this.#rename(one, field.value);
      }, onblur: () => this.#rename(one, field.value) });
      queueMicrotask(() => (field.isConnected ? (field.focus(), field.select()) : null));
      return el("li", {}, field);
    }
    const swatch = el("i", { class: instance ? "swatch" : "swatch empty", style: instance ? { background: `rgb(${instance.color.join(",")})` } : {} });
    const label = [swatch, el("span", { class: "object-name" }, one.name), el("span", { class: "quiet" }, status)];
    return el("li", { class: instance ? "" : "pending" },
      instance ? el("button", { type: "button", class: "object", title: `${one.name}: see it alone, in the frame it was pointed at${one.author ? ` by ${one.author}` : ""}`, onclick: () => this.options.show(instance, one.frame) }, ...label) : el("span", { class: "object" }, ...label),
      button("", { title: `Rename ${one.name}`, icon: "pencil", className: "plain", onclick: () => {
        this.editing = one.id;
        this.draw();
      } }),
      button("", { title: `Remove ${one.name}`, icon: "close", className: "plain", onclick: () => this.#change({ ...this.#whole(one), removed: true }) }),
    );
  }

  #rename(one, text) {
    if (this.editing !== one.id) return;
    this.editing = null;
    const name = text.trim();
    if (name && name !== one.name) this.#change({ ...this.#whole(one), name });
    this.list.querySelector(".rename")?.blur();
    this.draw();
  }

  #whole({ waiting, author, at, version, ...object }) {
    return object;
  }

  #drawWork() {
    const { work, made, version } = this.told;
    const parts = [];
    if (this.error) parts.push(el("p", { class: "alarm" }, `Not saved: ${this.error}`));
    if (this.lost) parts.push(el("p", { class: "alarm" }, this.lost));
    if (work.state === "running") {
      const left = work.left_s ? `, about ${Math.max(1, Math.round(work.left_s))} s` : "";
      parts.push(el("span", { class: "quiet" }, work.stage ? `${work.stage}${left}` : "Starting …"), el("progress", { max: 1, ...(work.stage ? { value: work.share } : {}), "aria-label": "Following the objects" }));
    } else if (made < version && work.state === "stopped") {
      parts.push(el("p", { class: "alarm" }, work.words || "Following stopped without a word: the machine may have run out of memory."), el("button", { type: "button", class: "small", onclick: () => this.options.send([]) }, "Try again"));
    } else if (made < version || this.outbox.entries.size) parts.push(el("span", { class: "quiet" }, "Starting …"));
    this.work.hidden = !parts.length;
    clear(this.work).append(...parts);
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.timer);
    clearTimeout(this.retry);
  }
}
