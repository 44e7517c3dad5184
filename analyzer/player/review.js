// What a person makes of a case: verdict, tags, notes. Sent as it is typed, kept here until the other side has it.

import { clear, el } from "./dom.js";
import { newId, Outbox } from "./outbox.js";

export const VERDICTS = ["real", "artefact", "unsure"];
const MEANING = { real: "the policy did fail so", artefact: "the analysis is wrong here", unsure: "cannot tell" };
const PAUSE = 350; // milliseconds without a key before a note is sent

export class ReviewPanel {
  constructor(episode, view, { save, reviews, reviewer, onchange }) {
    this.episode = episode;
    this.view = view;
    this.save = save;
    this.onchange = onchange;
    this.reviewer = reviewer || "me";
    this.stored = reviews ?? [];
    this.outbox = new Outbox(`${episode.manifest.run}/${episode.manifest.episode}`);
    this.session = newId(); // of this page: changes of another one are not to be overwritten unseen
    this.serial = 0;
    this.editing = new Map(); // case -> entry being edited
    this.error = null;
    this.state = el("span", { class: "save-state", role: "status", "aria-live": "polite" });
    this.title = el("h3", {}, "Your verdict");
    // Made once and then changed: what has the focus must not be taken away by an answer that arrives.
    this.buttons = VERDICTS.map((verdict) => el("button", { type: "button", role: "radio", class: verdict, title: MEANING[verdict], onclick: () => this.#change({ verdict: this.#mine().verdict === verdict ? null : verdict }) }, verdict));
    this.verdicts = el("div", { class: "segmented", role: "radiogroup", "aria-label": "Verdict" }, ...this.buttons);
    this.tagList = el("span", { class: "tag-list" });
    this.tagInput = el("input", { type: "text", maxlength: "60", placeholder: "Add a tag, Enter", "aria-label": "Add a tag", onkeydown: (event) => this.#tagKey(event) });
    this.tags = el("div", { class: "tags" }, this.tagList, this.tagInput);
    this.note = el("textarea", { rows: "3", maxlength: "20000", placeholder: "What do you see? Saved as you type.", "aria-label": "Note", oninput: () => this.#typed(), onblur: () => this.#flush() });
    this.others = el("div", { class: "others" });
    this.element = el("section", { class: "panel review" }, el("div", { class: "panel-head" }, this.title, this.state), this.verdicts, this.tags, this.note, this.others);
    this.draw();
    if (this.outbox.entries.size) this.#send();
  }

  get case() {
    return this.view.state.case ?? "";
  }

  // All reviews with those on their way in place of the ones they replace.
  all() {
    const merged = new Map(this.stored.map((entry) => [entry.id, entry]));
    for (const entry of this.outbox.entries.values()) merged.set(entry.id, entry);
    return [...merged.values()];
  }

  verdictOf(caseId) {
    const found = this.all().filter((entry) => entry.case === caseId && entry.verdict);
    return found.length ? found.at(-1).verdict : null;
  }

  #mine() {
    if (!this.editing.has(this.case)) {
      const found = this.all().filter((entry) => entry.case === this.case && entry.author === this.reviewer).at(-1);
      this.editing.set(this.case, found ? { ...found, tags: [...found.tags], based_on: found.version ?? 0 } : { id: newId(), case: this.case, author: this.reviewer, verdict: null, tags: [], note: "", based_on: 0 });
    }
    return this.editing.get(this.case);
  }

  draw() {
    const mine = this.#mine();
    const number = this.episode.cases.findIndex(({ id }) => id === this.view.state.case);
    this.title.textContent = number >= 0 ? `Your verdict on case ${number + 1}` : "Your verdict on the episode";
    this.buttons.forEach((one, i) => one.setAttribute("aria-checked", String(mine.verdict === VERDICTS[i])));
    clear(this.tagList).append(...mine.tags.map((tag) => el("span", { class: "tag" }, tag, el("button", { type: "button", "aria-label": `Remove the tag ${tag}`, onclick: () => this.#change({ tags: mine.tags.filter((one) => one !== tag) }) }, "×"))));
    if (this.note.value !== mine.note && document.activeElement !== this.note && this.note.getRootNode().activeElement !== this.note) this.note.value = mine.note;
    if (this.shownCase !== this.case) this.note.value = mine.note;
    this.shownCase = this.case;
    const others = this.all().filter((entry) => entry.case === this.case && entry.id !== mine.id && (entry.verdict || entry.note || entry.tags.length));
    clear(this.others).append(...others.map((entry) => el("blockquote", {}, el("b", {}, entry.author), entry.verdict ? el("span", { class: `verdict ${entry.verdict}` }, entry.verdict) : null, ...entry.tags.map((tag) => el("span", { class: "tag" }, tag)), el("p", {}, entry.note))));
    this.#say();
  }

  #say() {
    const waiting = this.outbox.entries.size;
    this.state.textContent = this.error ?? (waiting ? "Saving…" : this.touched ? "Saved" : "");
    this.state.classList.toggle("failed", Boolean(this.error));
  }

  #typed() {
    this.#keep({ note: this.note.value });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#send(), PAUSE);
    this.#say();
  }

  #flush() {
    if (this.outbox.entries.size) {
      clearTimeout(this.timer);
      this.#send();
    }
  }

  #tagKey(event) {
    if (event.key !== "Enter" && event.key !== ",") return;
    event.preventDefault();
    const tag = this.tagInput.value.trim();
    this.tagInput.value = "";
    const mine = this.#mine();
    if (tag && !mine.tags.includes(tag)) this.#change({ tags: [...mine.tags, tag] });
    this.tagInput.focus();
  }

  #keep(changes) {
    const mine = Object.assign(this.#mine(), changes, { serial: ++this.serial, session: this.session });
    this.touched = true;
    this.outbox.put({ ...mine, tags: [...mine.tags] });
  }

  #change(changes) {
    this.#keep(changes);
    this.#send();
    this.draw();
    this.onchange();
  }

  #send() {
    clearTimeout(this.timer);
    this.timer = null;
    this.save([...this.outbox.entries.values()]);
  }

  // What the other side has: `saved` [{id, serial, as}], all reviews of the episode, and why something failed.
  arrived({ saved = [], reviews, error }) {
    this.error = error ?? null;
    // A note that someone else had changed meanwhile was stored beside theirs, under another id.
    for (const { id, as } of saved) {
      for (const entry of this.editing.values()) if (entry.id === id && as !== id) entry.id = as;
    }
    this.outbox.settle(saved);
    if (reviews) {
      this.stored = reviews;
      for (const entry of this.editing.values()) {
        const there = reviews.find(({ id }) => id === entry.id);
        if (there) entry.based_on = there.version;
      }
    }
    this.draw();
    this.onchange();
    if (this.error) setTimeout(() => this.outbox.entries.size && this.#send(), 5000);
  }

  destroy() {
    this.#flush();
  }
}
