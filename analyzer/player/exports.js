// The menu of exports: what there is of this view, what cannot be had and why, how far one is, and the file.

import { button, clear, el } from "./dom.js";

const ABOUT = { view: "This view", case: "This case", episode: "This episode", run: "The whole run" };
const PAUSE = 350; // milliseconds between two looks at how far an export is

export class ExportMenu {
  // home: address of the exports of this episode; player: {view, savePicture()}
  constructor(home, player) {
    this.home = home;
    this.player = player;
    this.running = new Map(); // name -> {state, stage, done, total, error, view}
    this.list = el("div", { class: "export-list" });
    this.panel = el("div", { class: "export-panel panel", hidden: true, role: "dialog", "aria-label": "Export" }, this.list);
    this.opener = button("Export", { title: "Export this view, case, episode or run", icon: "save", className: "tool", onclick: () => this.toggle() });
    this.opener.setAttribute("aria-expanded", "false");
    this.element = el("div", { class: "export" }, this.opener, this.panel);
    // A click anywhere else closes it.
    this.outside = (event) => this.panel.hidden || event.composedPath().includes(this.element) || this.toggle(false);
    document.addEventListener("pointerdown", this.outside);
  }

  toggle(open = this.panel.hidden) {
    this.panel.hidden = !open;
    this.opener.setAttribute("aria-expanded", String(open));
    if (open) this.load();
  }

  // The view as the address of an export has it.
  query() {
    const { state } = this.player.view;
    const asked = { site: state.site, mode: state.mode, frame: state.frame, segments: state.segments, opacity: state.opacity, case: state.case };
    return new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== null && value !== undefined)).toString();
  }

  address(name = "", query = this.query()) {
    return new URL(`${this.home}${name ? `/${name}` : ""}?${query}`, document.baseURI).href;
  }

  async load() {
    if (!this.offered) this.#say("Looking what there is …");
    try {
      const answer = await fetch(this.address());
      if (!answer.ok) throw new Error(await answer.text());
      this.offered = await answer.json();
      this.draw();
    } catch (error) {
      this.#say(`Exports cannot be listed: ${error.message}`);
    }
  }

  #say(text) {
    clear(this.list).append(el("p", { class: "quiet" }, text));
  }

  draw() {
    if (!this.offered) return;
    const groups = Object.entries(ABOUT).map(([about, title]) => {
      const rows = this.offered.filter((one) => one.about === about).map((one) => this.#row(one));
      if (about === "view") rows.unshift(this.#screen());
      return rows.length ? el("section", {}, el("h4", {}, title), ...rows) : null;
    });
    clear(this.list).append(...groups.filter(Boolean));
  }

  // Exactly what is on the screen, marks and all: that only the browser knows.
  #screen() {
    return el("button", { type: "button", class: "export-row", onclick: () => this.player.savePicture() },
      el("span", { class: "export-name" }, "Screen picture", el("code", {}, ".png")), el("span", { class: "export-does" }, "Exactly what is shown, outlines and all, at the size of the screen."));
  }

  #row(one) {
    const made = this.running.get(one.name);
    const busy = made && (made.state === "waiting" || made.state === "running");
    const share = made?.total ? made.done / made.total : 0;
    const words = !made ? null : made.state === "failed" ? made.error : made.state === "done" ? `Saved as ${made.name}` : made.state === "waiting" || !made.total ? "Waiting …" : `${made.stage} ${made.done} of ${made.total}`;
    return el("button", { type: "button", class: `export-row ${made?.state ?? ""}`, disabled: one.problem !== null || busy, title: one.problem, "data-name": one.name, onclick: () => this.begin(one.name) },
      el("span", { class: "export-name" }, one.title, el("code", {}, one.suffix)),
      el("span", { class: "export-does" }, one.problem ?? one.does),
      words ? el("span", { class: "export-state", role: "status" }, busy ? el("span", { class: "export-bar" }, el("i", { style: { width: `${100 * share}%` } })) : null, words) : null);
  }

  async begin(name) {
    const query = this.query(); // the view may change meanwhile: what was asked for is what comes
    const tell = (made) => {
      this.running.set(name, made);
      this.draw();
    };
    tell({ state: "waiting" });
    try {
      for (;;) {
        const answer = await fetch(this.address(name, query), { method: "POST" });
        if (!answer.ok) throw new Error(await answer.text());
        const made = await answer.json();
        tell(made);
        if (made.state === "failed") return;
        if (made.state === "done") {
          el("a", { href: this.address(name, query), download: made.name }).click();
          return;
        }
        await new Promise((go) => setTimeout(go, PAUSE));
        if (this.gone) return;
      }
    } catch (error) {
      tell({ state: "failed", error: error.message });
    }
  }

  destroy() {
    this.gone = true;
    document.removeEventListener("pointerdown", this.outside);
  }
}
