// One axis of time shared by everything that happens: cases, instances, confusion, similarity, actions. A point of it is a
// point of the video; dragging anywhere seeks.

import { button, clear, el, sharpCanvas } from "./dom.js";
import { canvasColors, heat, rgb, seconds, short } from "./look.js";
import { frameAt } from "./clock.js";

const GUTTER = 148; // pixels of the names on the left
const RULER = 24;
const STRIP_TOTAL = 168; // pixels that the rows of a heat strip share
const LANES_SHOWN = 12;
const CASE_ROWS = 8;

// The axis of one recording by itself: from its first frame to the end of its last.
//   length  seconds · share(time) -> 0 … 1 · time(share) -> seconds of the recording · marks [share]: what is marked on it
export function ownAxis({ times, end }) {
  const length = Math.max(1e-9, end - times[0]);
  return { length, marks: [], share: (time) => (time - times[0]) / length, time: (share) => times[0] + share * length };
}

export class Timeline {
  // axis  where a time of the recording lies, see `ownAxis`; a comparison has one that two recordings share
  // seek  function(frame, share): asked for; `share` of the axis, 0 … 1
  // beside  {actions, axis, own, name, color}: what another recording did, drawn faintly into the lanes of the same name
  constructor(episode, view, painter, { seek, selectCase, axis = ownAxis(episode), ruler = true, beside = null }) {
    this.episode = episode;
    this.axis = axis;
    this.ruled = ruler;
    this.beside = beside;
    this.view = view;
    this.painter = painter;
    this.seek = seek;
    this.selectCase = selectCase;
    this.width = 0;
    this.folded = new Set();
    this.hidden = new Set(); // names of action dimensions that are not shown
    this.cursor = el("div", { class: "cursor", "aria-hidden": "true" }, el("span"));
    this.looped = el("div", { class: "looped", hidden: true, "aria-hidden": "true" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.groups = el("div", { class: "groups" });
    this.element = el(
      "div",
      { class: "timeline", role: "slider", tabindex: "0", "aria-label": "Time", "aria-valuemin": 0, "aria-valuemax": episode.times.length - 1 },
      this.groups, this.looped, this.cursor, this.tip,
    );
    this.element.addEventListener("pointerdown", (event) => this.#press(event));
    this.element.addEventListener("pointermove", (event) => this.#hover(event));
    this.element.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.build();
  }

  // -- axis ----------------------------------------------------------------------------------------------------------

  x(time) {
    return this.axis.share(time) * this.width;
  }

  time(x) {
    return this.axis.time(this.#share(x));
  }

  #share(x) {
    return Math.min(Math.max(0, x), this.width) / Math.max(1, this.width);
  }

  // Pixels in which an analysed frame is shown: from itself to the next one.
  span(index) {
    const { times } = this.episode.manifest;
    const from = this.x(times[index]);
    const to = index + 1 < times.length ? this.x(times[index + 1]) : this.width;
    return [from, Math.max(to, from + 1)];
  }

  // Column of pixels -> [first, last] analysed frames in it: none is lost where many share a column.
  columns() {
    const { times } = this.episode.manifest;
    const result = [];
    for (let x = 0; x < Math.ceil(this.width); x++) {
      const first = frameAt(times, this.time(x));
      result.push([first, Math.max(first, frameAt(times, this.time(x + 0.999)))]);
    }
    return result;
  }

  // -- rows ----------------------------------------------------------------------------------------------------------

  build() {
    clear(this.groups);
    this.lanes = [];
    if (this.ruled) this.#ruler();
    if (this.episode.assessed) this.#cases();
    if (this.episode.instances.length) this.#instances();
    if (this.view.state.pair && this.episode.confusion) this.#confusion();
    if (this.painter.similarities.size && this.view.state.patch) this.#similarity();
    this.#actions();
    this.draw();
  }

  #group(id, title, lanes, extra = []) {
    const folded = this.folded.has(id);
    const body = el("div", { class: "lanes", hidden: folded });
    const toggle = el(
      "button",
      { type: "button", class: "fold", "aria-expanded": String(!folded), onclick: () => this.#fold(id) },
      el("span", { class: folded ? "caret folded" : "caret", "aria-hidden": "true" }), title,
    );
    this.groups.append(el("section", { class: "group", "data-group": id }, el("div", { class: "group-head" }, toggle, ...extra), body));
    if (folded) return;
    for (const lane of lanes) this.#lane(body, lane);
  }

  #lane(parent, lane) {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const label = el(lane.choose ? "button" : "div", { class: "lane-name", title: lane.title ?? lane.name, type: lane.choose ? "button" : null, onclick: lane.choose ?? null, style: { height: `${lane.height}px` } },
      lane.color ? el("i", { class: "swatch", style: { background: lane.color } }) : null, el("span", {}, lane.name));
    const element = el("div", { class: `lane lane-${lane.kind}`, style: { height: `${lane.height}px` } }, label, canvas);
    parent.append(element);
    this.lanes.push({ ...lane, canvas, label, element });
  }

  #fold(id) {
    if (!this.folded.delete(id)) this.folded.add(id);
    this.build();
  }

  #ruler() {
    this.#lane(this.groups, { kind: "ruler", name: "", height: RULER, draw: (context, colors) => this.#drawRuler(context, colors) });
  }

  #drawRuler(context, colors) {
    const { length, marks } = this.axis;
    const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => (s / length) * this.width >= 64) ?? length;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    for (let i = 0; i * step <= length + 1e-9; i++) {
      const x = ((i * step) / length) * this.width;
      context.fillStyle = colors.hairline;
      context.fillRect(Math.min(x, this.width - 1), RULER - 7, 1, 7);
      const text = step >= 1 ? seconds(i * step).replace(".00", "") : `${Number((i * step).toFixed(2))} s`;
      if (x + 36 < this.width) {
        context.fillStyle = colors.muted;
        context.fillText(text, x + 4, RULER / 2 - 2);
      }
    }
    context.fillStyle = colors.accent;
    for (const share of marks) context.fillRect(Math.round(share * this.width) - 1, 0, 2, RULER);
  }

  #cases() {
    const { cases } = this.episode;
    // Cases that overlap in time get rows of their own.
    const rows = [];
    const placed = cases.map((one, number) => {
      const row = rows.findIndex((end) => end < one.first);
      const at = row < 0 ? rows.push(one.last) - 1 : ((rows[row] = one.last), row);
      return { one, number, row: at };
    });
    const most = Math.min(CASE_ROWS, Math.max(1, rows.length));
    const height = most * 18 + 4;
    const title = cases.length ? `What looks wrong (${cases.length})` : "What looks wrong: nothing found";
    if (!cases.length) return void this.#group("cases", title, []);
    this.#group("cases", title, [{
      kind: "cases", name: "cases", height,
      draw: (context, colors) => {
        context.font = "600 10.5px system-ui, sans-serif";
        context.textBaseline = "middle";
        for (const { one, number, row } of placed) {
          const from = this.span(one.first)[0];
          const to = Math.max(this.span(one.last)[1], from + 18);
          const top = 3 + (row % most) * 18;
          const chosen = this.view.state.case === one.id;
          context.fillStyle = chosen ? colors.accent : colors.alarm;
          context.globalAlpha = chosen ? 1 : 0.45 + 0.4 * one.score;
          context.beginPath();
          context.roundRect(from, top, to - from, 15, 4);
          context.fill();
          context.globalAlpha = 1;
          context.fillStyle = "#101216";
          context.fillText(String(number + 1), from + 6, top + 8);
        }
      },
      tell: (index) => placed.filter(({ one }) => one.first <= index && index <= one.last).map(({ one, number }) => `${number + 1}. ${one.sentence}`),
      press: (index, y) => {
        const hit = placed.filter(({ one, row }) => one.first <= index + 1 && index <= one.last + 1 && y >= 3 + (row % most) * 18 && y < 21 + (row % most) * 18);
        if (hit.length) this.selectCase(hit[0].one.id);
        return hit.length > 0;
      },
    }]);
  }

  #instances() {
    const several = this.episode.cameras.length > 1;
    const order = { object: 0, arm: 1, surroundings: 2 };
    const lanes = [...this.episode.instances].filter((i) => i.role !== "surroundings").sort((a, b) => order[a.role] - order[b.role] || (b.origin === "clicked") - (a.origin === "clicked") || a.id - b.id).slice(0, LANES_SHOWN).map((instance) => {
      const most = Math.max(1, ...instance.area);
      const solo = () => {
        const same = this.view.state.solo?.kind === "instance" && this.view.state.solo.id === instance.id;
        this.view.set({ solo: same ? null : { kind: "instance", id: instance.id } });
      };
      return {
        kind: "instance", height: 20, color: rgb(instance.color), id: instance.id,
        name: several ? `${instance.name} · ${instance.camera}` : instance.name,
        title: `${instance.name} (${instance.origin}, ${instance.camera}): click to see it alone`,
        choose: solo,
        draw: (context, colors) => {
          context.fillStyle = colors.hairline;
          context.fillRect(0, 18.5, this.width, 1);
          context.fillStyle = rgb(instance.color, 0.6);
          // One shape, so that no seams show between frames.
          context.beginPath();
          instance.area.forEach((area, index) => {
            if (!area) return;
            const [from, to] = this.span(index);
            const height = 2 + 15 * Math.sqrt(area / most);
            context.rect(Math.floor(from), 18.5 - height, Math.ceil(to) - Math.floor(from), height);
          });
          context.fill();
        },
        tell: (index) => [`${instance.name}: ${instance.area[index] ? `${instance.area[index]} pixels` : "not visible"}`],
      };
    });
    this.#group("instances", "Instances: area in the picture", [...lanes, ...this.#approaches()]);
  }

  // What the hand goes for, in the colour of that instance: a change of target is a change of colour.
  #approaches() {
    const several = (this.episode.dependence?.approaches.length ?? 0) > 1;
    return (this.episode.dependence?.approaches ?? []).map(({ camera, target, distance }) => ({
      kind: "approach", height: 18, name: several ? `hand goes for · ${camera}` : "hand goes for",
      title: "What the hand comes closer to in the picture. A hint: a picture has no depth.",
      draw: (context) => {
        target.forEach((id, index) => {
          if (!id) return;
          const [from, to] = this.span(index);
          context.fillStyle = rgb(this.episode.byId.get(id)?.color ?? [128, 128, 128]);
          context.fillRect(Math.floor(from), 4, Math.ceil(to) - Math.floor(from), 11);
        });
      },
      tell: (index) => [target[index] ? `the hand goes for ${this.episode.name(target[index])}${distance[index] === null ? "" : `, ${short(distance[index], 0)} pixels away`}` : "the hand goes for nothing named"],
    }));
  }

  #strip(id, title, sites, value, extra) {
    const height = Math.max(8, Math.min(16, Math.floor(STRIP_TOTAL / Math.max(1, sites.length))));
    const lanes = sites.map((name) => ({
      kind: "strip", name, height, site: name,
      title: `${name}: click to show this site`,
      choose: this.episode.site(name) ? () => this.view.set({ site: name }) : null,
      draw: (context, colors) => {
        this.columns().forEach(([first, last], x) => {
          let most = null;
          for (let index = first; index <= last; index++) {
            const found = value(name, index);
            if (found !== null && (most === null || found > most)) most = found;
          }
          context.fillStyle = most === null ? colors.hairline : heat(most);
          if (most === null) context.fillRect(x, height / 2 - 0.5, x % 4 < 2 ? 1 : 0, 1);
          else context.fillRect(x, 0, 1.5, height - 1);
        });
      },
      tell: (index) => {
        const found = value(name, index);
        return [`${name}: ${found === null ? "not assessed" : short(found)}`];
      },
    }));
    this.#group(id, title, lanes, extra);
  }

  #confusion() {
    const [a, b] = this.view.state.pair;
    const legend = el("span", { class: "scale" }, "apart", el("i"), "same");
    this.#strip(
      "confusion", `Confusion: ${this.episode.name(a)} and ${this.episode.name(b)}`, this.episode.findingSites,
      (site, index) => this.episode.confusionAt([a, b], site, index)?.value ?? null, [legend],
    );
  }

  // Per site and frame the share of patches that look like the clicked one.
  #similarity() {
    const shares = new Map();
    const sites = this.episode.sites.filter((site) => this.painter.similarities.has(site.name));
    for (const site of sites) {
      const all = this.painter.similarities.get(site.name);
      const each = all.length / this.episode.frames.length;
      const share = new Float32Array(this.episode.frames.length);
      for (let t = 0; t < share.length; t++) {
        let count = 0;
        for (let i = t * each; i < (t + 1) * each; i++) count += all[i] > 127;
        share[t] = count / each;
      }
      shares.set(site.name, share);
    }
    const most = Math.max(1e-6, ...[...shares.values()].map((share) => share.reduce((a, b) => Math.max(a, b), 0)));
    this.#strip("similarity", "Like the clicked patch: share of the picture", sites.map((site) => site.name), (name, index) => shares.get(name)[index] / most, [
      el("span", { class: "scale" }, "0", el("i"), `${Math.round(100 * most)} %`),
    ]);
  }

  #actions() {
    const { actions } = this.episode;
    if (!actions) return void this.#group("actions", "Actions: not recorded, and none predicted", []);
    const both = actions.series.some((row) => row.recorded) && actions.series.some((row) => row.predicted);
    const chips = actions.series.map((row) => {
      const shown = !this.hidden.has(row.name);
      return button(row.name, { className: "chip", pressed: shown, title: `${shown ? "Hide" : "Show"} ${row.name}`, onclick: () => {
        if (!this.hidden.delete(row.name)) this.hidden.add(row.name);
        this.build();
      } });
    });
    const keys = el("span", { class: "line-key" }, el("i", { class: "solid" }), this.beside?.actions ? this.beside.own : "recorded", both || actions.series.some((r) => r.predicted) ? [el("i", { class: "dashed" }), "predicted"] : null);
    if (this.beside?.actions) keys.append(el("i", { class: "beside" }), this.beside.name);
    const lanes = actions.series.filter((row) => !this.hidden.has(row.name)).map((row) => this.#actionLane(row, actions));
    this.#group("actions", "Actions", lanes, [el("span", { class: "chips" }, ...chips), keys]);
  }

  #actionLane(row, actions) {
    const height = 30;
    const other = this.beside?.actions?.series.find((one) => one.name === row.name && one.unit === row.unit && one.kind === row.kind)?.recorded ?? null;
    const values = [...(row.recorded ?? []), ...(row.predicted ?? []), ...(other ?? [])].filter((value) => value !== null);
    let [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
    if (low === high) high = low + 1;
    const y = (value) => height - 5 - ((value - low) / (high - low)) * (height - 9);
    const line = (context, series, times = actions.times, axis = this.axis) => {
      context.beginPath();
      // Where only every n-th frame was analysed, only every n-th step has a value: those belong together.
      const steps = series.flatMap((value, step) => (value === null ? [] : [step]));
      const gaps = steps.slice(1).map((step, i) => step - steps[i]).sort((a, b) => a - b);
      const usual = gaps[gaps.length >> 1] ?? 1;
      steps.forEach((step, i) => {
        const x = axis.share(times[step]) * this.width;
        if (i && step - steps[i - 1] <= 1.5 * usual) context.lineTo(x, y(series[step]));
        else context.moveTo(x, y(series[step]));
        if (steps.length === 1) context.lineTo(x + 2, y(series[step]));
      });
      context.stroke();
    };
    return {
      kind: "action", name: row.unit ? `${row.name} (${row.unit})` : row.name, height, title: `${row.name}, ${row.kind}${row.unit ? `, ${row.unit}` : ""}`,
      draw: (context, colors) => {
        context.fillStyle = colors.hairline;
        context.fillRect(0, y(0), this.width, 1);
        context.lineJoin = "round";
        context.lineWidth = 1.5;
        if (other) {
          context.strokeStyle = this.beside.color();
          line(context, other, this.beside.actions.times, this.beside.axis);
        }
        if (row.recorded) {
          context.strokeStyle = colors.recorded;
          line(context, row.recorded);
        }
        if (row.predicted) {
          context.strokeStyle = colors.predicted;
          context.setLineDash([4, 3]);
          line(context, row.predicted);
          context.setLineDash([]);
        }
      },
      tell: (index) => {
        const step = actions.steps[index];
        const parts = [];
        if (row.recorded) parts.push(`recorded ${short(row.recorded[step] ?? null, 3)}`);
        if (row.predicted) parts.push(`predicted ${short(row.predicted[step] ?? null, 3)}`);
        if (row.uncertainty) parts.push(`${short(row.uncertainty[step] ?? null, 1)} bits unsure`);
        return [`${row.name}: ${parts.join(" · ")}`];
      },
    };
  }

  // -- drawing -------------------------------------------------------------------------------------------------------

  resize() {
    const width = this.element.clientWidth - GUTTER;
    if (width <= 0 || width === this.width) return;
    this.width = width;
    this.draw();
  }

  draw() {
    if (this.width <= 0) return;
    const colors = canvasColors(this.element);
    for (const lane of this.lanes) {
      lane.draw(sharpCanvas(lane.canvas, this.width, lane.height), colors);
    }
    this.highlight();
    this.#place();
  }

  // Which lanes are about what is looked at; nothing is drawn again.
  highlight() {
    const { site, solo } = this.view.state;
    for (const lane of this.lanes) {
      const chosen = (lane.site && lane.site === site) || (lane.id && solo?.kind === "instance" && solo.id === lane.id);
      lane.element.classList.toggle("chosen", Boolean(chosen));
    }
  }

  // `share`: where the cursor stands on the axis; null: where the frame begins.
  mark(frame, share = null) {
    this.frame = frame;
    this.at = share;
    this.element.setAttribute("aria-valuenow", frame);
    this.element.setAttribute("aria-valuetext", `frame ${frame} of ${this.episode.times.length}, ${seconds(this.episode.times[frame])}`);
    this.#place();
  }

  loop(range) {
    this.range = range;
    this.#place();
  }

  #place() {
    const { times, end } = this.episode;
    const frame = this.frame ?? 0;
    this.cursor.style.transform = `translateX(${GUTTER + (this.at === null || this.at === undefined ? this.x(times[frame]) : this.at * this.width)}px)`;
    this.looped.hidden = !this.range;
    if (!this.range) return;
    const [first, last] = this.range;
    const from = this.x(times[first]);
    const to = this.x(last + 1 < times.length ? times[last + 1] : end);
    Object.assign(this.looped.style, { left: `${GUTTER + from}px`, width: `${to - from}px` });
  }

  // -- pointing ------------------------------------------------------------------------------------------------------

  #laneAt(event) {
    return this.lanes.find(({ element }) => element.contains(event.target));
  }

  #frameAt(event) {
    const x = event.clientX - this.element.getBoundingClientRect().left - GUTTER;
    return frameAt(this.episode.times, this.time(x));
  }

  #seek(event) {
    const x = event.clientX - this.element.getBoundingClientRect().left - GUTTER;
    this.seek(this.#frameAt(event), this.#share(x));
  }

  #press(event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    const x = event.clientX - this.element.getBoundingClientRect().left - GUTTER;
    if (x < 0) return;
    const lane = this.#laneAt(event);
    const y = lane ? event.clientY - lane.canvas.getBoundingClientRect().top : 0;
    if (lane?.press?.(this.episode.analysed(this.#frameAt(event)), y)) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    this.#seek(event);
    const move = (moved) => this.#seek(moved);
    const up = () => {
      this.element.removeEventListener("pointermove", move);
      this.element.removeEventListener("pointerup", up);
      this.element.removeEventListener("pointercancel", up);
    };
    this.element.addEventListener("pointermove", move);
    this.element.addEventListener("pointerup", up);
    this.element.addEventListener("pointercancel", up);
  }

  #hover(event) {
    const lane = this.#laneAt(event);
    const box = this.element.getBoundingClientRect();
    const x = event.clientX - box.left;
    this.tip.hidden = !lane || x < GUTTER;
    if (this.tip.hidden) return;
    const frame = this.#frameAt(event);
    const lines = lane.tell?.(this.episode.analysed(frame)) ?? [];
    this.tip.replaceChildren(el("div", { class: "who" }, `frame ${frame} · ${seconds(this.episode.times[frame])}`), ...lines.map((line) => el("div", {}, line)));
    const right = x > box.width - 240;
    Object.assign(this.tip.style, { left: right ? "" : `${x + 14}px`, right: right ? `${box.width - x + 12}px` : "", top: `${event.clientY - box.top + 14}px` });
  }
}
