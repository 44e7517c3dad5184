// The list of episodes: one request for all of it, then everything here, so that a letter typed answers at once.
//   data  {list: address of the list}
//   back  triggers "open": {run, episode, case}, "compare": {run, episode, run_b, episode_b}
// Text out of recordings goes in as text nodes (dom.js). Only the rows in sight exist.

import { clear, el, icon, svg, theme } from "./dom.js";

const ROW = 104;
const SPARE = 6; // rows kept ready above and below
const KINDS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#98a1af"]; // Okabe and Ito
const FILTERS = { q: "", outcome: "", kind: "", reviewed: "", task: "", of: "", sort: "" };
const STORED = "trajectory-lens library";
const mounted = new WeakMap();

export function attach({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector?.(".lens-root") ?? parentElement;
  let here = mounted.get(host);
  if (!here) {
    here = new Library(host, data.list, {
      open: (line) => setTriggerValue("open", { run: line.run, episode: line.episode, case: line.case }),
      compare: (a, b) => setTriggerValue("compare", { run: a.run, episode: a.episode, run_b: b.run, episode_b: b.episode }),
    });
    mounted.set(host, here);
  }
  here.root.dataset.theme = theme(parentElement);
}

export function detach(parentElement) {
  const host = parentElement.querySelector?.(".lens-root") ?? parentElement;
  mounted.get(host)?.destroy();
  mounted.delete(host);
}

class Library {
  constructor(host, address, { open, compare }) {
    this.address = address;
    this.open = open;
    this.compare = compare;
    this.picked = null; // the first of two to be compared
    this.lines = [];
    this.shown = [];
    this.kinds = {};
    this.at = -1;
    this.filters = remembered();
    this.build(host);
    this.ended = new AbortController();
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.ended.signal });
    on(document, "keydown", (event) => this.key(event));
    on(window, "resize", () => this.fit());
    on(document, "visibilitychange", () => document.hidden || this.load());
    this.fit();
    this.load();
  }

  destroy() {
    this.ended.abort();
    clearTimeout(this.timer);
  }

  // -- what there is -----------------------------------------------------------------------------------------------

  async load() {
    clearTimeout(this.timer);
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const from = performance.now();
    let wait = 4000;
    try {
      const answer = await fetch(new URL(this.address, document.baseURI), { signal: this.ended.signal });
      if (!answer.ok) throw new Error(await answer.text());
      const tag = answer.headers.get("etag");
      if (tag !== this.tag) {
        const content = await answer.json();
        if (turn !== this.turn) return;
        this.tag = tag;
        this.take(content);
      }
      this.broken(null);
      wait = this.unread ? 60 : Math.max(4000, 25 * (performance.now() - from));
    } catch (error) {
      if (this.ended.signal.aborted) return;
      this.broken(error);
    }
    if (turn === this.turn && !document.hidden) this.timer = setTimeout(() => this.load(), wait);
  }

  take({ lines, unread, problems, kinds }) {
    this.lines = lines;
    this.unread = unread;
    this.kinds = kinds;
    this.color = Object.fromEntries(Object.keys(kinds).map((kind, at) => [kind, KINDS[at % KINDS.length]]));
    for (const line of lines) {
      line.text = [line.episode, line.instruction, line.sentence, line.run, line.problem, ...line.kinds.map((kind) => kinds[kind]?.title)].filter(Boolean).join("\n").toLocaleLowerCase();
    }
    this.several = new Set(lines.map((line) => line.run)).size > 1;
    this.root.classList.toggle("loaded", true);
    clear(this.problems).append(...problems.map((text) => el("li", {}, text)));
    this.problemsBox.hidden = problems.length === 0;
    this.problemsTitle.textContent = problems.length === 1 ? "One run cannot be read" : `${problems.length} runs cannot be read`;
    this.choices();
    this.apply();
    this.fit();
    if (this.scrollTo) {
      this.scroller.scrollTop = this.scrollTo;
      if (!unread) this.scrollTo = 0;
      this.draw();
    }
  }

  broken(error) {
    this.alarm.hidden = error === null;
    if (error) this.alarm.textContent = this.lines.length ? "The server does not answer: this is what was there before." : "The server does not answer.";
  }

  // -- filters -----------------------------------------------------------------------------------------------------

  choices() {
    const count = (of) => {
      const counts = new Map();
      for (const line of this.lines) for (const value of of(line)) counts.set(value, (counts.get(value) ?? 0) + 1);
      return counts;
    };
    const tasks = [...count((line) => [line.instruction ?? ""])].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const kinds = count((line) => line.kinds);
    const outcome = count((line) => (line.state === "waiting" || line.state === "damaged" ? [line.state] : [String(line.success)]));
    const reviewed = count((line) => (line.verdicts.length ? ["yes", ...line.verdicts] : ["no"]));
    const runs = [...count((line) => [line.run])].sort();
    const options = (select, all, entries) => {
      const filter = select.name;
      const given = entries.filter(([value, , number]) => number || this.filters[filter] === value);
      if (this.filters[filter] && !given.some(([value]) => value === this.filters[filter])) given.push([this.filters[filter], this.filters[filter], 0]);
      clear(select).append(el("option", { value: "" }, all), ...given.map(([value, label, number]) => el("option", { value }, `${label} (${number})`)));
      select.value = this.filters[filter];
      select.closest("label").hidden = given.length === 0;
    };
    options(this.selects.outcome, "Any outcome", [["false", "Failed", outcome.get("false")], ["true", "Succeeded", outcome.get("true")], ["null", "Outcome not recorded", outcome.get("null")], ["waiting", "Not analysed yet", outcome.get("waiting")], ["damaged", "Damaged", outcome.get("damaged")]]);
    options(this.selects.kind, "Anything found", [...Object.entries(this.kinds).map(([kind, { title }]) => [kind, title, kinds.get(kind)]), ["-", "Nothing found", this.lines.filter((line) => line.state === "nothing").length], ["?", "Not searched", this.lines.filter((line) => line.state === "unsearched").length]]);
    options(this.selects.reviewed, "Reviewed or not", [["no", "Not reviewed", reviewed.get("no")], ["yes", "Reviewed", reviewed.get("yes")], ["real", "Called real", reviewed.get("real")], ["artefact", "Called artefact", reviewed.get("artefact")], ["unsure", "Unsure", reviewed.get("unsure")]]);
    options(this.selects.task, "Any instruction", tasks.slice(0, 300).map(([task, number]) => [task || "-", task ? short(task, 70) : "No instruction", number]));
    options(this.selects.of, "Any run", runs.map(([run, number]) => [run, short(run, 40), number]));
    this.selects.task.closest("label").hidden = tasks.length < 2;
    this.selects.of.closest("label").hidden = runs.length < 2;
  }

  apply() {
    const { q, outcome, kind, reviewed, task, of, sort } = this.filters;
    const words = q.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const keep = (line) =>
      words.every((word) => line.text.includes(word)) &&
      (!outcome || (line.state === "waiting" || line.state === "damaged" ? line.state : String(line.success)) === outcome) &&
      (!kind || (kind === "-" ? line.state === "nothing" : kind === "?" ? line.state === "unsearched" : line.kinds.includes(kind))) &&
      (!reviewed || (reviewed === "no" ? !line.verdicts.length : reviewed === "yes" ? line.verdicts.length > 0 : line.verdicts.includes(reviewed))) &&
      (!task || (line.instruction || "-") === task) &&
      (!of || line.run === of);
    const before = this.shown[this.at];
    this.lines.forEach((line, at) => (line.rank = at + 1));
    this.shown = this.lines.filter(keep);
    if (sort === "name") {
      const collator = new Intl.Collator(undefined, { numeric: true });
      this.shown.sort((a, b) => collator.compare(a.run, b.run) || collator.compare(a.episode, b.episode));
    }
    this.at = before ? this.shown.findIndex((line) => line.run === before.run && line.episode === before.episode) : -1;
    const some = Object.entries(this.filters).some(([name, value]) => value && name !== "sort");
    this.reset.hidden = !some;
    this.summary(some);
    this.list.style.height = `${this.shown.length * ROW}px`;
    this.empty(some);
    this.drawn = null;
    this.draw();
  }

  summary(some) {
    const done = this.lines.filter((line) => line.state !== "waiting").length;
    const found = this.lines.filter((line) => line.state === "found").length;
    const waiting = this.lines.length - done;
    const parts = [some ? `${number(this.shown.length)} of ${number(this.lines.length)} episodes` : `${number(this.lines.length)} ${this.lines.length === 1 ? "episode" : "episodes"}`];
    if (found) parts.push(`something looks wrong in ${number(found)}`);
    if (waiting) parts.push(`${number(waiting)} not analysed yet`);
    this.count.textContent = parts.join(" · ");
    this.reading.hidden = !this.unread;
    this.reading.textContent = this.unread ? `Reading ${number(this.unread)} more …` : "";
  }

  empty(some) {
    const nothing = this.shown.length === 0 && !this.unread;
    this.nothing.hidden = !nothing;
    if (!nothing) return;
    clear(this.nothing).append(
      el("h3", {}, this.lines.length ? "No episode matches" : "No episode yet"),
      el("p", { class: "quiet" }, this.lines.length ? "Take a filter away, or look for something else." : "Episodes appear here as soon as they are analysed."),
      some ? el("button", { type: "button", class: "plain", onclick: () => this.clear() }, "Show all episodes") : null,
    );
  }

  set(name, value) {
    this.filters[name] = value;
    this.remember();
    this.scroller.scrollTop = 0;
    this.apply();
  }

  clear() {
    Object.assign(this.filters, { ...FILTERS, sort: this.filters.sort });
    this.search.value = "";
    for (const [name, select] of Object.entries(this.selects)) select.value = this.filters[name];
    this.remember();
    this.apply();
  }

  remember() {
    const here = new URL(window.location.href);
    for (const [name, value] of Object.entries(this.filters)) value ? here.searchParams.set(name, value) : here.searchParams.delete(name);
    window.history.replaceState(window.history.state, "", here);
    this.store();
  }

  store() {
    try {
      sessionStorage.setItem(STORED, JSON.stringify({ filters: this.filters, scroll: this.scroller.scrollTop }));
    } catch {
      // Without a store the list begins at its top.
    }
  }

  // -- rows --------------------------------------------------------------------------------------------------------

  build(host) {
    this.search = el("input", { type: "search", placeholder: "Search episodes, instructions, findings", "aria-label": "Search", value: this.filters.q, spellcheck: "false", oninput: () => this.set("q", this.search.value) });
    this.selects = {};
    const select = (name, label) => {
      const made = (this.selects[name] = el("select", { name, "aria-label": label, onchange: () => this.set(name, made.value) }));
      return el("label", {}, made);
    };
    const bar = el("div", { class: "filters", role: "search" }, this.search, select("kind", "Case"), select("outcome", "Outcome"), select("reviewed", "Review"), select("task", "Instruction"), select("of", "Run"));
    const sort = el("select", { "aria-label": "Order", onchange: () => this.set("sort", sort.value) }, el("option", { value: "" }, "What looks wrong first"), el("option", { value: "name" }, "By name"));
    sort.value = this.filters.sort;
    this.reset = el("button", { type: "button", class: "plain", hidden: true, onclick: () => this.clear() }, "Clear filters");
    this.count = el("span", { class: "count", role: "status", "aria-live": "polite" }, "Reading the runs …");
    this.reading = el("span", { class: "reading", hidden: true });
    this.pair = el("span", { class: "pair", hidden: true, role: "status" });
    this.alarm = el("span", { class: "alarm", hidden: true, role: "alert" });
    this.problemsTitle = el("summary");
    this.problems = el("ul");
    this.problemsBox = el("details", { class: "notes warning", hidden: true }, this.problemsTitle, this.problems);
    this.list = el("ol", { class: "rows" });
    this.nothing = el("div", { class: "nothing", hidden: true });
    this.scroller = el("div", { class: "scroller", tabindex: "-1", onscroll: () => this.scrolled() }, this.list, this.nothing);
    this.root = el("section", { class: "lens library", "aria-label": "Library" }, bar, this.problemsBox, el("div", { class: "above" }, this.count, this.reading, this.alarm, this.pair, el("span", { class: "space" }), this.reset, sort), this.scroller);
    this.rows = new Map();
    clear(host).append(this.root);
  }

  // The first of two is remembered, the second leads to the page that shows both; the first again: neither.
  pick(line) {
    const first = this.picked;
    if (first && !same(first, line)) return this.compare(first, line);
    this.picked = first ? null : line;
    clear(this.pair).append(...(this.picked ? [el("span", {}, "Compare ", el("b", {}, line.episode), " with … choose another"), el("button", { type: "button", class: "plain", onclick: () => this.pick(line) }, "Cancel")] : []));
    this.pair.hidden = !this.picked;
    this.root.classList.toggle("picking", Boolean(this.picked));
    this.drawn = null;
    this.draw();
  }

  fit() {
    const top = this.scroller.getBoundingClientRect().top + window.scrollY;
    this.scroller.style.height = `${Math.max(3 * ROW, window.innerHeight - Math.max(0, top) - 44)}px`;
    this.root.classList.toggle("narrow", this.root.clientWidth < 1000);
    this.drawn = null;
    this.draw();
  }

  scrolled() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = null;
      this.draw();
      clearTimeout(this.storing);
      this.storing = setTimeout(() => this.store(), 200);
    });
  }

  draw() {
    const top = this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW) - SPARE);
    const last = Math.min(this.shown.length, Math.ceil((top + this.scroller.clientHeight) / ROW) + SPARE);
    if (this.drawn === null) {
      clear(this.list);
      this.rows.clear();
    }
    for (const [at, row] of this.rows) {
      if (at >= first && at < last) continue;
      row.remove();
      this.rows.delete(at);
    }
    for (let at = first; at < last; at++) {
      if (this.rows.has(at)) continue;
      const row = this.row(this.shown[at], at);
      this.rows.set(at, row);
      this.list.append(row);
    }
    this.drawn = [first, last];
  }

  row(line, at) {
    const outcome = line.state === "waiting" || line.state === "damaged" ? null : line.success === null ? ["unknown", "Not recorded"] : line.success ? ["success", "Success"] : ["failure", "Failure"];
    const more = line.cases - 1;
    const said = { nothing: "Nothing was found.", unsearched: "Not searched for findings yet.", waiting: "Not analysed yet.", damaged: "This episode is damaged." }[line.state] ?? line.sentence;
    const inside = [
      this.picture(line),
      el(
        "div",
        { class: "told" },
        el("p", { class: line.state === "found" ? "sentence" : "sentence none", title: said }, ...claim(said)),
        line.state === "damaged" ? el("p", { class: "task alarm", title: line.problem }, line.problem) : el("p", { class: "task" }, line.instruction ?? (line.state === "waiting" ? "" : "No instruction was recorded.")),
        el(
          "p",
          { class: "facts" },
          el("span", { class: "id" }, line.episode),
          this.several ? el("span", { class: "id" }, line.run) : null,
          line.duration_s === null ? null : el("span", {}, `${line.frames} frames, ${line.duration_s.toFixed(1)} s`),
          ...line.verdicts.map((verdict) => el("span", { class: `verdict ${verdict}` }, { real: "reviewed: real", artefact: "reviewed: artefact", unsure: "reviewed: unsure", noted: "noted" }[verdict] ?? "reviewed")),
        ),
      ),
      el("div", { class: "spark" }, ...this.spark(line)),
      el("div", { class: "end" }, outcome ? el("span", { class: `outcome ${outcome[0]}` }, outcome[1]) : null, line.score === null ? null : el("span", { class: "worth", title: "How much the first case deserves to be looked at, 0 … 1" }, line.score.toFixed(2), el("span", { class: "gauge" }, el("i", { style: { width: `${line.score * 100}%` } }))), more > 0 ? el("span", { class: "quiet", title: `${more} more ${more === 1 ? "case" : "cases"}` }, `${more} more`) : null),
    ];
    const style = { transform: `translateY(${at * ROW}px)` };
    const about = { class: `row ${line.state}`, "aria-setsize": this.shown.length, "aria-posinset": at + 1, style };
    if (line.state === "waiting") return el("li", about, el("div", { class: "line" }, ...inside));
    const href = `/?${new URLSearchParams({ run: line.run, episode: line.episode, ...(line.case ? { case: line.case } : {}) })}`;
    const onclick = (event) => {
      if (event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.store();
      this.open(line);
    };
    const link = el("a", { class: "line", href, onclick, onfocus: () => (this.at = at), "data-at": at }, ...inside);
    if (line.state === "damaged") return el("li", about, link);
    const chosen = this.picked !== null && same(this.picked, line);
    const words = chosen ? "Chosen" : this.picked ? "Compare with this" : "Compare";
    return el("li", about, link, el("button", { type: "button", class: chosen ? "pick chosen" : "pick", "aria-pressed": String(chosen), title: `${words} (x)`, onclick: () => this.pick(line) }, icon("compare"), el("span", {}, words)));
  }

  picture(line) {
    const frame = el("div", { class: "thumb" });
    if (line.state === "waiting" || line.state === "damaged") return frame;
    const part = (text) => encodeURIComponent(text);
    const src = new URL(`/lens/picture/${part(line.run)}/${part(line.episode)}.jpg?v=${part(line.stamp)}`, document.baseURI).href;
    frame.append(el("img", { src, alt: "", decoding: "async", onerror: (event) => event.target.remove() }));
    return frame;
  }

  spark(line) {
    if (!line.curve && !line.spans.length) return [];
    const W = 200, H = 40;
    const marks = line.spans.slice(0, 1).map((span) => {
      const width = Math.max(2, (span.last - span.first) * W);
      return svg("rect", { x: Math.min(W - width, span.first * W), y: 0, width, height: H, fill: this.color[span.kind] ?? KINDS[7], opacity: 0.22 }, svg("title", {}, this.kinds[span.kind]?.title ?? span.kind));
    });
    const ticks = line.spans.map((span) => svg("rect", { x: Math.min(W - 3, span.first * W), y: H + 2, width: Math.max(3, (span.last - span.first) * W), height: 3, rx: 1.5, fill: this.color[span.kind] ?? KINDS[7] }));
    const values = line.curve?.values ?? [];
    let path = "", pen = false;
    values.forEach((value, at) => {
      if (value === null) return void (pen = false);
      const x = values.length > 1 ? (at / (values.length - 1)) * W : W / 2;
      path += `${pen ? "L" : "M"}${x.toFixed(1)} ${(H - 1 - value * (H - 3)).toFixed(1)}`;
      pen = true;
    });
    const label = line.curve ? `Confusion of ${line.curve.what}, over the episode` : "When something looks wrong, over the episode";
    return [
      svg("svg", { viewBox: `0 0 ${W} ${H + 6}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, svg("title", {}, label), svg("line", { x1: 0, x2: W, y1: H - 0.5, y2: H - 0.5, class: "base" }), ...marks, path ? svg("path", { d: path, class: "curve", "vector-effect": "non-scaling-stroke" }) : null, ...ticks),
      el("span", { class: "kinds" }, ...line.kinds.slice(0, 3).map((kind) => el("span", { class: "kind" }, el("i", { style: { background: this.color[kind] ?? KINDS[7] } }), this.kinds[kind]?.title ?? kind))),
    ];
  }

  // -- keys --------------------------------------------------------------------------------------------------------

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.composedPath()[0];
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
    if (event.key === "/" && !typing) {
      event.preventDefault();
      this.search.focus();
      this.search.select();
      return;
    }
    if (event.key === "x" && !typing && this.shown[this.at] && !["waiting", "damaged"].includes(this.shown[this.at].state)) {
      const { at } = this;
      this.pick(this.shown[at]);
      return void this.focus(at);
    }
    if (event.key === "Escape" && this.picked) return void this.pick(this.picked);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }[event.key];
    if (!by || (typing && target !== this.search) || !this.shown.length) return;
    event.preventDefault();
    this.focus(Math.min(this.shown.length - 1, Math.max(0, this.at < 0 ? 0 : this.at + by)));
  }

  focus(at) {
    this.at = at;
    const top = at * ROW;
    const box = this.scroller;
    if (top < box.scrollTop) box.scrollTop = top;
    if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
    this.draw();
    this.rows.get(at)?.querySelector(".line")?.focus({ preventScroll: true });
  }
}

function same(one, other) {
  return one.run === other.run && one.episode === other.episode;
}

// What the address says counts, else what this tab last looked at.
function remembered() {
  const asked = new URL(window.location.href).searchParams;
  const filters = { ...FILTERS };
  let any = false;
  for (const name of Object.keys(FILTERS)) {
    if (!asked.has(name)) continue;
    filters[name] = asked.get(name).slice(0, 200);
    any = true;
  }
  if (any) return filters;
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORED))?.filters;
    for (const name of Object.keys(FILTERS)) if (typeof stored?.[name] === "string") filters[name] = stored[name];
  } catch {
    // Nothing usable is stored.
  }
  return filters;
}

// What is said, and what it rests on: a case's sentence has a colon between the two.
function claim(sentence) {
  const at = sentence.indexOf(": ");
  if (at < 0) return [sentence];
  const rest = sentence.slice(at + 2);
  return [`${sentence.slice(0, at)}.`, el("span", { class: "rests" }, ` ${rest.slice(0, 1).toLocaleUpperCase()}${rest.slice(1)}`)];
}

function short(text, limit) {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

function number(value) {
  return value.toLocaleString("en");
}
