// Pointing at an object in one frame: which patches it takes. A click proposes patches, a box does, and each can be taken
// or let go by itself. What is lit is what is sent, so what one sees is what is followed.

import { button, el } from "./dom.js";
import { moved, patchAt } from "./geometry.js";
import { similarityInFrame } from "./similarity.js";

// How alike the patches around the clicked one must be, from hardly any to many. The largest step but one takes half of
// what is alike at all.
const LEVELS = [0.97, 0.9, 0.75, 0.5, 0.3, 0.15, 0.06];
const USUAL = 3;
const DRAG = 6; // pixels of the screen from which on a press is a box
const MOST_NAME = 80;

export class Pointing {
  // actions: {frame() -> recording frame in view, seek(frame), finish(object), close()}
  constructor(episode, view, stage, actions) {
    this.episode = episode;
    this.view = view;
    this.stage = stage;
    this.actions = actions;
    this.on = false;
    this.name = el("input", { type: "text", maxlength: MOST_NAME, placeholder: "Name, e.g. bowl", "aria-label": "Name of the object", autocomplete: "off", onkeydown: (event) => this.#typed(event), oninput: () => this.#tell() });
    this.less = button("−", { title: "Take less (-)", className: "small", onclick: () => this.grow(-1) });
    this.more = button("+", { title: "Take more (+)", className: "small", onclick: () => this.grow(1) });
    this.confirm = el("button", { type: "button", class: "confirm", onclick: () => this.finish() }, "Follow it");
    this.cancel = el("button", { type: "button", class: "small", title: "Leave it (a)", onclick: () => this.stop() }, "Cancel");
    this.hint = el("span", { class: "hint", role: "status", "aria-live": "polite" });
    this.element = el("div", { class: "pointing-bar", role: "group", "aria-label": "Add an object", hidden: true }, this.hint, el("span", { class: "space" }), this.less, this.more, this.name, this.confirm, this.cancel);
  }

  start() {
    const index = this.episode.analysed(this.actions.frame());
    if (this.actions.frame() !== this.episode.frames[index]) this.actions.seek(this.episode.frames[index]);
    this.on = true;
    this.index = index;
    this.site = this.episode.site(this.view.state.site) ?? this.episode.sites[0];
    const [rows, columns] = this.site.grid;
    this.cursor = { camera: 0, row: rows >> 1, column: columns >> 1 };
    this.shown = false; // the cursor: only once it is moved by keys
    this.#empty();
    this.name.value = "";
    this.element.hidden = false;
    this.stage.tool = this;
    this.stage.marks.classList.add("pointing");
    this.element.scrollIntoView({ block: "nearest" });
    this.#tell();
    this.stage.drawMarks();
  }

  stop() {
    if (!this.on) return;
    this.on = false;
    this.element.hidden = true;
    this.stage.tool = null;
    this.stage.marks.classList.remove("pointing");
    this.stage.drawMarks();
    this.actions.close();
  }

  #empty() {
    this.taken = new Set(); // row * columns + column
    this.camera = null;
    this.seed = null; // {row, column, point} of the last click
    this.box = null;
    this.dragged = null;
    this.level = USUAL;
    this.found = 0; // the instance that the click hit, while its patches are what is taken
  }

  // The view has changed: another frame is another picture, another site another division.
  changed(names) {
    if (!this.on) return;
    const index = this.episode.analysed(this.view.state.frame);
    if (names.has("frame") && index !== this.index) {
      this.index = index;
      const had = this.taken.size > 0;
      this.#empty();
      this.#tell(had ? "Another frame: point again." : null);
    }
    const site = this.episode.site(this.view.state.site);
    if (names.has("site") && site && site !== this.site) {
      const from = this.site.grid;
      this.site = site;
      this.cursor = { ...this.cursor, ...moved(this.cursor, from, site.grid) };
      if (this.seed) {
        Object.assign(this.seed, moved(this.seed, from, site.grid));
        this.taken = new Set();
        this.#propose();
      } else {
        this.#empty();
        this.#tell();
      }
    }
    this.stage.drawMarks();
  }

  // -- taking patches ------------------------------------------------------------------------------------------------

  #number({ row, column }) {
    return row * this.site.grid[1] + column;
  }

  // A patch by itself, or with what belongs to it.
  touch(camera, patch, point) {
    if (this.camera !== null && camera !== this.camera) this.#empty();
    this.camera = camera;
    const number = this.#number(patch);
    if (this.taken.has(number)) {
      this.taken.delete(number);
      this.seed = this.taken.size ? this.seed : null;
      this.#tell();
      this.stage.drawMarks();
      return;
    }
    this.before = new Set(this.taken);
    this.seed = { ...patch, point };
    this.level = USUAL;
    this.found = this.episode.instanceAt(this.index, camera, point.x, point.y);
    if (this.episode.byId.get(this.found)?.role === "surroundings") this.found = 0;
    this.#propose();
  }

  grow(by) {
    if (!this.on || !this.seed) return;
    this.level = Math.min(LEVELS.length - 1, Math.max(0, this.level + (this.found ? 0 : by)));
    this.found = 0; // from what was found to what looks alike
    this.taken = new Set(this.before);
    this.#propose();
  }

  async #propose() {
    const { seed, site, camera, index } = this;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const add = (numbers) => {
      this.taken = new Set([...(this.before ?? []), ...numbers, this.#number(seed)]);
      this.#tell();
      this.stage.drawMarks();
    };
    if (this.found) return add(this.#covered(this.found));
    add([]);
    if (!site.eigenvectors) return;
    const alike = await similarityInFrame(site, { frame: index, camera, ...seed }).catch(() => null);
    if (!alike || !this.on || this.turn !== turn) return;
    add(together(alike, site.grid, this.#number(seed), 255 * LEVELS[this.level]));
  }

  // Patches that mostly show an instance.
  #covered(id) {
    const { site, camera, index } = this;
    const labels = this.episode.labelsAt(index, camera);
    const [rows, columns] = site.grid;
    const [all, own] = [new Uint16Array(rows * columns), new Uint16Array(rows * columns)];
    const [, across] = this.episode.labelGrid;
    const toPatch = site.inverse[camera].multiply(this.episode.cellMaps[camera]);
    labels.forEach((label, i) => {
      const point = toPatch.transformPoint(new DOMPoint((i % across) + 0.5, Math.floor(i / across) + 0.5));
      const [row, column] = [Math.floor(point.y), Math.floor(point.x)];
      if (row < 0 || column < 0 || row >= rows || column >= columns) return;
      all[row * columns + column]++;
      if (label === id) own[row * columns + column]++;
    });
    return [...own.keys()].filter((at) => own[at] && 2 * own[at] >= all[at]);
  }

  // What stands out in a box: patches that are more like its middle than like what is around it.
  async #inBox(camera, [x, y, width, height]) {
    const { site, index } = this;
    const [rows, columns] = site.grid;
    const inverse = site.inverse[camera];
    const [a, b] = [new DOMPoint(x, y), new DOMPoint(x + width, y + height)].map((point) => inverse.transformPoint(point));
    const inside = (row, column, by = 0) => row + 0.5 > Math.min(a.y, b.y) - by && row + 0.5 < Math.max(a.y, b.y) + by && column + 0.5 > Math.min(a.x, b.x) - by && column + 0.5 < Math.max(a.x, b.x) + by;
    const all = Array.from({ length: rows * columns }, (_, at) => ({ row: Math.floor(at / columns), column: at % columns }));
    const within = all.filter(({ row, column }) => inside(row, column));
    const middle = patchAt(this.episode.cameras[camera], site.grid, x + width / 2, y + height / 2);
    if (!within.length && middle) within.push(middle);
    if (!within.length) return;
    this.#empty();
    this.camera = camera;
    this.box = [x, y, width, height];
    const depth = Math.min(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) / 4;
    let core = within.filter(({ row, column }) => inside(row, column, -depth));
    if (!core.length) core = middle ? [middle] : within;
    const around = all.filter(({ row, column }) => !inside(row, column) && inside(row, column, 1.5));
    this.taken = new Set(within.map((patch) => this.#number(patch)));
    this.#tell();
    this.stage.drawMarks();
    if (!site.eigenvectors || within.length <= 4 || !around.length) return;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const most = async (patches) => {
      const each = await Promise.all(patches.map((patch) => similarityInFrame(site, { frame: index, camera, ...patch })));
      return (at) => Math.max(...each.map((alike) => alike[at]));
    };
    const [like, unlike] = await Promise.all([most(thinned(core, 16)), most(thinned(around, 32))]).catch(() => [null, null]);
    if (!like || !this.on || this.turn !== turn) return;
    const standing = within.map((patch) => this.#number(patch)).filter((at) => like(at) >= unlike(at));
    if (standing.length >= 0.2 * within.length) this.taken = new Set(standing);
    this.#tell();
    this.stage.drawMarks();
  }

  // -- pointer and keys ----------------------------------------------------------------------------------------------

  press(at, event) {
    if (!at?.patch || event.button !== 0) return;
    this.down = { ...at, from: { x: at.point.x, y: at.point.y }, screen: [event.clientX, event.clientY] };
    this.stage.marks.setPointerCapture?.(event.pointerId);
  }

  move(at, event) {
    if (!this.down) return;
    const far = Math.hypot(event.clientX - this.down.screen[0], event.clientY - this.down.screen[1]) > DRAG;
    if (!far && !this.dragged) return;
    const [left, top, width, height] = this.episode.cameras[this.down.camera].rect;
    const x = Math.min(left + width, Math.max(left, at.point.x));
    const y = Math.min(top + height, Math.max(top, at.point.y));
    const { from } = this.down;
    this.dragged = [Math.min(from.x, x), Math.min(from.y, y), Math.abs(x - from.x), Math.abs(y - from.y)];
    this.stage.drawMarks();
  }

  release() {
    const { down, dragged } = this;
    this.down = this.dragged = null;
    if (!down) return;
    if (dragged) this.#inBox(down.camera, dragged);
    else {
      this.box = null;
      this.touch(down.camera, down.patch, down.from);
    }
    // Whoever has pointed types next.
    if (this.taken.size || dragged) this.name.focus({ preventScroll: true });
  }

  walk(rows, columns) {
    const [most, across] = this.site.grid;
    this.shown = true;
    this.cursor.row = Math.min(most - 1, Math.max(0, this.cursor.row + rows));
    this.cursor.column = Math.min(across - 1, Math.max(0, this.cursor.column + columns));
    this.#tell();
    this.stage.drawMarks();
  }

  take() {
    this.shown = true;
    const { camera, row, column } = this.cursor;
    const point = this.site.maps[camera].transformPoint(new DOMPoint(column + 0.5, row + 0.5));
    this.touch(camera, { row, column }, point);
  }

  // The next camera, for the keyboard.
  aside() {
    this.shown = true;
    this.cursor.camera = (this.cursor.camera + 1) % this.episode.cameras.length;
    this.stage.drawMarks();
  }

  focusName() {
    this.name.focus();
  }

  #typed(event) {
    event.stopPropagation();
    if (event.key === "Enter") {
      event.preventDefault();
      this.finish();
    } else if (event.key === "Backspace" && !this.name.value) {
      event.preventDefault();
      this.stage.marks.focus({ preventScroll: true });
    }
  }

  // -- what is said and drawn ----------------------------------------------------------------------------------------

  #tell(word = null) {
    const count = this.taken.size;
    const named = this.found && count ? `, found as ${this.episode.name(this.found)}` : "";
    const where = this.shown ? ` (row ${this.cursor.row}, column ${this.cursor.column})` : "";
    this.hint.textContent = word ?? (count ? `${count} ${count === 1 ? "patch" : "patches"}${named}: click one to let it go` : `Click the object, or draw a box around it${where}`);
    this.confirm.disabled = !count || !this.name.value.trim();
    this.confirm.title = !count ? "Point at the object first" : this.confirm.disabled ? "Give it a name" : "Follow it through the episode (Enter)";
    this.less.disabled = this.more.disabled = !this.seed;
  }

  draw(context) {
    const { stage, site } = this;
    const camera = this.camera ?? this.cursor.camera;
    const columns = site.grid[1];
    const t = site.maps[camera];
    const matrix = new DOMMatrix([t.a, t.b, t.c, t.d, t.e, t.f]);
    const line = (path, width, color, dash = []) => {
      context.lineWidth = (width * stage.ratio) / stage.scale;
      context.setLineDash(dash.map((part) => (part * stage.ratio) / stage.scale));
      context.strokeStyle = color;
      context.stroke(path);
      context.setLineDash([]);
    };
    const squares = new Path2D();
    const edge = new Path2D();
    const has = (row, column) => column >= 0 && column < columns && this.taken.has(row * columns + column);
    for (const at of this.taken) {
      const [row, column] = [Math.floor(at / columns), at % columns];
      squares.rect(column, row, 1, 1);
      for (const [x, y, u, v, r, c] of [[0, 0, 1, 0, -1, 0], [0, 1, 1, 1, 1, 0], [0, 0, 0, 1, 0, -1], [1, 0, 1, 1, 0, 1]]) {
        if (has(row + r, column + c)) continue;
        edge.moveTo(column + x, row + y);
        edge.lineTo(column + u, row + v);
      }
    }
    const [filled, border] = [new Path2D(), new Path2D()];
    filled.addPath(squares, matrix);
    border.addPath(edge, matrix);
    context.fillStyle = "rgba(255,196,87,.42)";
    context.fill(filled);
    line(border, 4.5, "rgba(10,12,16,.75)");
    line(border, 2.2, "#ffc457");
    if (this.shown) {
      const cursor = new Path2D();
      const square = new Path2D();
      square.rect(this.cursor.column, this.cursor.row, 1, 1);
      const m = site.maps[this.cursor.camera];
      cursor.addPath(square, new DOMMatrix([m.a, m.b, m.c, m.d, m.e, m.f]));
      line(cursor, 4, "rgba(10,12,16,.8)");
      line(cursor, 2, "#fff");
    }
    const box = this.dragged ?? this.box;
    if (box) {
      const path = new Path2D();
      path.rect(...box);
      line(path, 3.5, "rgba(10,12,16,.7)");
      line(path, 1.6, "#fff", [5, 4]);
    }
  }

  // -- done ----------------------------------------------------------------------------------------------------------

  finish() {
    const name = this.name.value.trim();
    if (!this.taken.size || !name) return void (this.taken.size ? this.name.focus() : this.#tell());
    const { site, seed, box, index, episode } = this;
    const camera = episode.cameras[this.camera];
    const columns = site.grid[1];
    const scale = [camera.size[1] / camera.rect[2], camera.size[0] / camera.rect[3]];
    const place = (x, y) => [(x - camera.rect[0]) * scale[0], (y - camera.rect[1]) * scale[1]];
    const patches = [...this.taken].sort((a, b) => a - b).map((at) => [Math.floor(at / columns), at % columns]);
    this.actions.finish({
      name,
      frame: episode.frames[index],
      camera: camera.name,
      points: seed?.point ? [place(seed.point.x, seed.point.y)] : [],
      box: box ? [...place(box[0], box[1]), box[2] * scale[0], box[3] * scale[1]] : null,
      patches,
      grid: site.grid,
    });
    this.stop();
  }
}

// Numbers of the patches above `least` that hang together with `from`, side by side.
export function together(values, [rows, columns], from, least) {
  const reached = new Set([from]);
  const open = [from];
  while (open.length) {
    const at = open.pop();
    const column = at % columns;
    for (const [next, there] of [[at - columns, at >= columns], [at + columns, at + columns < rows * columns], [at - 1, column > 0], [at + 1, column + 1 < columns]]) {
      if (!there || reached.has(next) || values[next] < least) continue;
      reached.add(next);
      open.push(next);
    }
  }
  return reached;
}

function thinned(list, most) {
  const step = Math.max(1, list.length / most);
  return Array.from({ length: Math.min(most, list.length) }, (_, i) => list[Math.floor(i * step)]);
}
