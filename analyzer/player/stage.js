// The picture: the preview's frame, what the site makes of it, and the outlines and marks over both.

import { el } from "./dom.js";
import { cameraAt, moved, patchAt } from "./geometry.js";
import { heat, isLight, rgb, short } from "./look.js";
import { borders } from "./paint.js";

const DARK = [16, 18, 22];
const TALLEST = 0.62; // of the window
const LEAST_HEIGHT = 300;

export class Stage {
  // `video`: an element that is loading the preview already; null: one is made.
  constructor(episode, view, painter, video = null) {
    this.episode = episode;
    this.view = view;
    this.painter = painter;
    this.pointed = null; // what is under the pointer
    this.tool = null; // takes presses and draws over the marks while something is pointed at
    this.drawn = -1; // recording frame that the picture shows
    const { width, height } = episode.manifest.video;
    this.size = { width, height };
    this.video = video ?? document.createElement("video");
    Object.assign(this.video, { className: "source", muted: true, playsInline: true, preload: "auto", tabIndex: -1, ariaHidden: "true" });
    this.picture = el("canvas", { class: "picture", role: "img", "aria-label": "Frame with overlay" });
    this.marks = el("canvas", { class: "marks", "aria-hidden": "true", tabindex: "-1" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.message = el("div", { class: "stage-message", hidden: true });
    this.frameElement = el("div", { class: "frame" }, this.video, this.picture, this.marks, this.message, this.tip);
    this.element = el("div", { class: "stage" }, this.frameElement);
    this.marks.addEventListener("pointermove", (event) => this.#pointed(event));
    this.marks.addEventListener("pointerleave", () => this.#unpointed());
    this.marks.addEventListener("click", (event) => (this.tool ? null : this.#clicked(event)));
    this.marks.addEventListener("pointerdown", (event) => this.tool?.press(this.#at(event), event));
    this.marks.addEventListener("pointerup", (event) => this.tool?.release(event));
    this.tint = document.createElement("canvas");
  }

  resize() {
    const available = this.element.clientWidth;
    if (!available) return;
    const tallest = Math.max(LEAST_HEIGHT, TALLEST * window.innerHeight);
    const scale = Math.min(available / this.size.width, tallest / this.size.height);
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [Math.round(this.size.width * scale), Math.round(this.size.height * scale)];
    this.frameElement.style.width = `${width}px`;
    this.frameElement.style.height = `${height}px`;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.picture.width !== w || this.picture.height !== h) {
      for (const canvas of [this.picture, this.marks]) [canvas.width, canvas.height] = [w, h];
    }
    this.scale = w / this.size.width;
    this.ratio = ratio;
  }

  #base(context) {
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
  }

  // `image`: the picture of that very frame; null: what the video shows.
  draw(frame, image = null) {
    if (!this.scale) this.resize();
    if (!this.scale) return;
    const { state } = this.view;
    const site = this.episode.site(state.site);
    const index = this.episode.analysed(frame);
    const context = this.picture.getContext("2d", { alpha: false });
    this.#base(context);
    context.globalAlpha = 1;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "low";
    context.fillStyle = rgb(DARK);
    context.fillRect(0, 0, this.size.width, this.size.height);
    if (image || this.video.readyState >= 2) context.drawImage(image ?? this.video, 0, 0, this.size.width, this.size.height);
    const whole = state.mode !== "off" && site;
    if (whole) this.episode.cameras.forEach((camera, c) => this.#paint(context, site, index, camera, c, state));
    if (state.solo?.kind === "instance") {
      this.episode.cameras.forEach((camera, c) => this.#dim(context, index, c, state.solo.id));
    }
    this.drawn = frame;
    this.picture.dataset.frame = frame;
    this.picture.setAttribute("aria-label", this.#spoken(frame, index));
    this.drawMarks();
  }

  #spoken(frame, index) {
    const seen = new Set();
    this.episode.cameras.forEach((_, c) => this.episode.labelsAt(index, c)?.forEach((id) => id && seen.add(id)));
    const names = [...seen].map((id) => this.episode.name(id)).join(", ");
    return `Frame ${frame}, ${this.view.state.mode} at ${this.view.state.site}${names ? `. In view: ${names}` : ""}`;
  }

  #clip(context, camera) {
    context.beginPath();
    context.rect(...camera.rect);
    context.clip();
  }

  #paint(context, site, index, camera, c, state) {
    context.save();
    this.#base(context);
    this.#clip(context, camera);
    if (state.mode === "confusion") this.#confusion(context, site, index, c, state);
    else {
      const shown = this.painter.siteOf(site, state.mode);
      const small = this.painter.picture(site, index, c, state);
      if (small) {
        const [height, width] = camera.model_size;
        context.save();
        if (state.mode === "segments" && state.solo?.kind === "segment") {
          context.fillStyle = rgb(DARK, 0.62);
          context.fillRect(...camera.rect);
        }
        context.imageSmoothingEnabled = state.mode !== "segments";
        context.globalAlpha = state.opacity;
        const t = camera.modelToPreview;
        context.transform(t.a, t.b, t.c, t.d, t.e, t.f);
        context.drawImage(small, 0, 0, width, height);
        context.restore();
        if (state.mode === "segments") this.#borders(context, shown, index, c, state);
        if (!camera.seesAll) this.#unseen(context, camera);
      }
    }
    context.restore();
  }

  #borders(context, site, index, c, state) {
    const ids = this.painter.segmentRow(site, index, c, state.segments);
    if (!ids) return;
    const only = state.solo?.kind === "segment" ? state.solo.id : null;
    const path = new Path2D();
    const t = site.maps[c];
    path.addPath(borders(only === null ? ids : ids.map((id) => Number(id === only)), ...site.grid), new DOMMatrix([t.a, t.b, t.c, t.d, t.e, t.f]));
    const alpha = 0.35 + 0.55 * state.opacity;
    context.lineWidth = (2.6 * this.ratio) / this.scale;
    context.strokeStyle = `rgba(10,12,16,${0.55 * alpha})`;
    context.stroke(path);
    context.lineWidth = (1.1 * this.ratio) / this.scale;
    context.strokeStyle = `rgba(250,251,253,${alpha})`;
    context.stroke(path);
  }

  // What the policy never sees turns dark.
  #unseen(context, camera) {
    const [height, width] = camera.model_size;
    const t = camera.modelToPreview;
    const corners = [[0, 0], [width, 0], [width, height], [0, height]].map(([x, y]) => t.transformPoint(new DOMPoint(x, y)));
    context.beginPath();
    context.rect(...camera.rect);
    corners.forEach((p, i) => (i ? context.lineTo(p.x, p.y) : context.moveTo(p.x, p.y)));
    context.closePath();
    context.fillStyle = rgb(DARK, 0.6);
    context.fill("evenodd");
  }

  // Cells of the label map, coloured by `color(id)` -> [r, g, b, a], over a camera's picture.
  #tinted(context, index, c, color) {
    const labels = this.episode.labelsAt(index, c, this.painter.changed);
    if (!labels) return false;
    const [rows, columns] = this.episode.labelGrid;
    const image = new ImageData(columns, rows);
    const table = new Map();
    for (let i = 0; i < labels.length; i++) {
      const id = labels[i];
      if (!table.has(id)) table.set(id, color(id));
      const tint = table.get(id);
      if (tint) image.data.set(tint, 4 * i);
    }
    this.tint.width = columns;
    this.tint.height = rows;
    this.tint.getContext("2d").putImageData(image, 0, 0);
    const { rect } = this.episode.cameras[c];
    context.imageSmoothingEnabled = true;
    context.drawImage(this.tint, ...rect);
    return true;
  }

  #dim(context, index, c, id) {
    context.save();
    this.#base(context);
    this.#tinted(context, index, c, (other) => (other === id ? null : [...DARK, 175]));
    context.restore();
  }

  #confusion(context, site, index, c, state) {
    context.fillStyle = rgb(DARK, 0.45);
    context.fillRect(...this.episode.cameras[c].rect);
    const opacity = Math.round(255 * state.opacity);
    this.#tinted(context, index, c, (id) => {
      if (!id || this.episode.byId.get(id)?.role === "surroundings") return null;
      if (state.pair && !state.pair.includes(id)) return null;
      const found = state.pair
        ? this.episode.confusionAt(state.pair, site.name, index)
        : this.episode.mostConfused(id, site.name, index);
      if (!found) return [120, 126, 138, opacity * 0.6];
      return [...heat(found.value).slice(4, -1).split(",").map(Number), opacity];
    });
  }

  // -- marks ---------------------------------------------------------------------------------------------------------

  drawMarks() {
    const context = this.marks.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.marks.width, this.marks.height);
    if (this.drawn < 0) return;
    const { state } = this.view;
    const index = this.episode.analysed(this.drawn);
    const pointed = this.pointed?.id ?? 0;
    this.episode.cameras.forEach((camera, c) => {
      context.save();
      this.#base(context);
      this.#clip(context, camera);
      const paths = state.outlines ? this.episode.outlinesAt(index, c, this.painter.changed) : null;
      for (const [id, path] of paths ?? []) {
        const instance = this.episode.byId.get(id);
        if (!instance || instance.camera !== camera.name) continue;
        const chosen = id === pointed || state.pair?.includes(id) || (state.solo?.kind === "instance" && state.solo.id === id);
        if (!chosen && (instance.role === "surroundings" || state.pair || state.solo)) continue;
        const scaled = new Path2D();
        const t = this.episode.cellMaps[c];
        scaled.addPath(path, new DOMMatrix([t.a, t.b, t.c, t.d, t.e, t.f]));
        context.lineCap = "round";
        context.lineWidth = ((chosen ? 4.4 : 2.8) * this.ratio) / this.scale;
        context.strokeStyle = "rgba(10,12,16,.6)";
        context.stroke(scaled);
        context.lineWidth = ((chosen ? 2.4 : 1.4) * this.ratio) / this.scale;
        context.strokeStyle = rgb(instance.color, chosen ? 1 : 0.85);
        context.stroke(scaled);
      }
      context.restore();
    });
    this.#names(context, index, state, pointed);
    this.#patch(context, index, state);
    if (this.tool) {
      this.#base(context);
      this.tool.draw(context);
    }
  }

  // Where an instance is: the middle of its cells, and the top of them.
  #place(index, c, id) {
    const labels = this.episode.labelsAt(index, c);
    if (!labels) return null;
    const [, columns] = this.episode.labelGrid;
    let [count, x, top] = [0, 0, Infinity];
    labels.forEach((label, i) => {
      if (label !== id) return;
      count++;
      x += i % columns;
      top = Math.min(top, Math.floor(i / columns));
    });
    return count ? this.episode.cellMaps[c].transformPoint(new DOMPoint(x / count + 0.5, top)) : null;
  }

  #names(context, index, state, pointed) {
    const wanted = new Set(state.outlines ? [...(state.pair ?? []), pointed, state.solo?.kind === "instance" ? state.solo.id : 0] : []);
    wanted.delete(0);
    context.setTransform(1, 0, 0, 1, 0, 0);
    const size = 12 * this.ratio;
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    const taken = [];
    this.episode.cameras.forEach((camera, c) => {
      for (const id of wanted) {
        const instance = this.episode.byId.get(id);
        const place = instance?.camera === camera.name ? this.#place(index, c, id) : null;
        if (!place) continue;
        const found = state.mode === "confusion" && state.pair?.includes(id) ? this.episode.confusionAt(state.pair, state.site, index) : null;
        const name = instance.name.length > 32 ? `${instance.name.slice(0, 31)}…` : instance.name;
        const text = found ? `${name} · ${short(found.value)}` : name;
        const width = context.measureText(text).width + size;
        const left = Math.min(Math.max(0, place.x * this.scale - width / 2), this.marks.width - width);
        let top = Math.max(2, place.y * this.scale - 1.9 * size);
        while (taken.some(([l, t, w]) => left < l + w && l < left + width && Math.abs(t - top) < 1.6 * size)) top += 1.7 * size;
        taken.push([left, top, width]);
        context.fillStyle = rgb(instance.color, 0.95);
        context.beginPath();
        context.roundRect(left, top, width, 1.55 * size, 0.35 * size);
        context.fill();
        context.fillStyle = isLight(instance.color) ? "#101216" : "#fff";
        context.fillText(text, left + size / 2, top + 0.8 * size);
      }
    });
  }

  #patch(context, index, state) {
    const site = this.painter.siteOf(this.episode.site(state.site), state.mode);
    if (!site) return;
    this.#base(context);
    const box = (c, { row, column }, color, width) => {
      const path = new Path2D();
      const square = new Path2D();
      square.rect(column, row, 1, 1);
      const t = site.maps[c];
      path.addPath(square, new DOMMatrix([t.a, t.b, t.c, t.d, t.e, t.f]));
      context.lineWidth = ((width + 2) * this.ratio) / this.scale;
      context.strokeStyle = "rgba(10,12,16,.75)";
      context.stroke(path);
      context.lineWidth = (width * this.ratio) / this.scale;
      context.strokeStyle = color;
      context.stroke(path);
    };
    if (state.patch && state.mode === "similarity" && state.patch.frame === index) {
      const from = this.episode.site(state.patch.site)?.grid ?? site.grid;
      box(state.patch.camera, moved(state.patch, from, site.grid), "#fff", 2);
    }
    if (this.pointed?.patch) box(this.pointed.camera, this.pointed.patch, "rgba(255,255,255,.9)", 1.2);
  }

  // -- pointing ------------------------------------------------------------------------------------------------------

  #at(event) {
    const box = this.marks.getBoundingClientRect();
    const { x, y } = this.#point(event);
    const camera = cameraAt(this.episode.cameras, x, y);
    const { state } = this.view;
    const site = this.painter.siteOf(this.episode.site(state.site), state.mode) ?? this.episode.site(state.site);
    if (camera < 0 || !site || this.drawn < 0) return null;
    const index = this.episode.analysed(this.drawn);
    const patch = patchAt(this.episode.cameras[camera], site.grid, x, y);
    return { camera, index, site, patch, id: this.episode.instanceAt(index, camera, x, y), x: event.clientX - box.left, y: event.clientY - box.top, point: { x, y } };
  }

  // A point of the preview under the pointer, wherever that is.
  #point(event) {
    const box = this.marks.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * this.size.width, y: ((event.clientY - box.top) / box.height) * this.size.height };
  }

  #pointed(event) {
    this.tool?.move({ point: this.#point(event) }, event);
    this.pointed = this.#at(event);
    this.drawMarks();
    this.#tell();
  }

  #unpointed() {
    this.pointed = null;
    this.tip.hidden = true;
    this.drawMarks();
  }

  #tell() {
    const { pointed } = this;
    this.tip.hidden = !pointed;
    if (!pointed) return;
    const { camera, index, site, patch, id, x, y } = pointed;
    const { state } = this.view;
    const lines = [id ? this.episode.name(id) : this.episode.labels ? "nothing named" : this.episode.cameras[camera].name];
    if (patch) {
      lines.push(`patch row ${patch.row}, column ${patch.column}`);
      const ids = this.painter.segmentRow(site, index, camera, state.segments);
      const at = patch.row * site.grid[1] + patch.column;
      if (ids && state.mode === "segments") lines.push(`segment ${ids[at]}`);
      const all = this.painter.similarities.get(site.name);
      if (all && state.mode === "similarity") {
        const cells = site.grid[0] * site.grid[1];
        lines.push(`similarity ${short(all[(index * this.episode.cameras.length + camera) * cells + at] / 255)}`);
      }
      if (id && state.mode === "confusion") {
        const worst = this.episode.mostConfused(id, site.name, index);
        if (worst) lines.push(`like ${this.episode.name(worst.pair[0] === id ? worst.pair[1] : worst.pair[0])}: ${short(worst.value)}`);
      }
    } else lines.push("outside what the policy sees");
    this.tip.replaceChildren(...lines.map((line, i) => el("div", { class: i ? "" : "who" }, line)));
    const right = x > this.frameElement.clientWidth - 190;
    Object.assign(this.tip.style, { left: right ? "" : `${x + 16}px`, right: right ? `${this.frameElement.clientWidth - x + 12}px` : "", top: `${Math.min(y + 12, this.frameElement.clientHeight - 72)}px` });
  }

  #clicked(event) {
    const at = this.#at(event);
    if (!at) return;
    const { state } = this.view;
    if (event.shiftKey && at.id) {
      const same = state.solo?.kind === "instance" && state.solo.id === at.id;
      this.view.set({ solo: same ? null : { kind: "instance", id: at.id } });
    } else if (at.patch && at.site.eigenvectors) {
      const site = this.episode.site(state.site);
      const patch = moved(at.patch, at.site.grid, site.grid);
      this.view.set({ patch: { frame: at.index, camera: at.camera, ...patch, site: site.name }, mode: "similarity" });
    }
  }

  // A word over the picture, until `text` is null. What stays (no video) gives way to what passes, and comes back.
  say(text, { stays = false } = {}) {
    if (stays) this.lasting = text;
    const shown = text ?? this.lasting ?? "";
    this.message.hidden = !shown;
    this.message.textContent = shown;
  }
}
