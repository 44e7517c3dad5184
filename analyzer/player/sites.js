// The site scrubber: one small picture a site, in order of depth, so that a merge is seen at a glance.

import { clear, el } from "./dom.js";
import { heat, isLight, short } from "./look.js";

const HEIGHT = 58; // of a thumbnail, in pixels
const WIDEST = 132;

export class SiteStrip {
  constructor(episode, view, painter, stage) {
    this.episode = episode;
    this.view = view;
    this.painter = painter;
    this.stage = stage;
    this.element = el("div", { class: "sites", role: "radiogroup", "aria-label": "Feature site" });
    const { width, height } = stage.size;
    const scale = Math.min(HEIGHT / height, WIDEST / width);
    this.size = [Math.max(24, Math.round(width * scale)), Math.round(height * scale)];
    this.cells = episode.sites.map((site) => this.#cell(site));
    this.element.append(...this.cells.map((cell) => cell.element));
    this.scene = document.createElement("canvas");
  }

  #cell(site) {
    const [width, height] = this.size;
    const canvas = el("canvas", { width: 2 * width, height: 2 * height, style: { width: `${width}px`, height: `${height}px` }, "aria-hidden": "true" });
    const badge = el("span", { class: "badge", hidden: true });
    const element = el(
      "button",
      { type: "button", class: "site", role: "radio", "aria-checked": "false", title: this.#about(site), onclick: () => this.view.set({ site: site.name }) },
      el("span", { class: "thumb" }, canvas, badge),
      el("span", { class: "site-name" }, site.name),
    );
    return { site, canvas, badge, element };
  }

  #about(site) {
    const [rows, columns] = site.grid;
    const words = site.depends_on_instruction ? "depends on the instruction" : "does not depend on the instruction";
    return `${site.name} · ${rows} × ${columns} patches · ${words}`;
  }

  draw(frame, image = null) {
    const { state } = this.view;
    const index = this.episode.analysed(frame);
    const [width, height] = this.size.map((side) => 2 * side);
    this.scene.width = width;
    this.scene.height = height;
    const scene = this.scene.getContext("2d");
    if (image || this.stage.video.readyState >= 2) scene.drawImage(image ?? this.stage.video, 0, 0, width, height);
    const scale = width / this.stage.size.width;
    for (const { site, canvas, badge, element } of this.cells) {
      const chosen = site.name === state.site;
      element.setAttribute("aria-checked", String(chosen));
      element.tabIndex = chosen ? 0 : -1;
      const context = canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.globalAlpha = 1;
      context.drawImage(this.scene, 0, 0);
      const mode = state.mode === "off" || state.mode === "confusion" || state.mode === "attribution" ? "colors" : state.mode;
      this.episode.cameras.forEach((camera, c) => {
        // Asked for by the player, one site after the other: all of them at once would hold up the picture itself.
        const here = mode === "similarity" || site[mode === "segments" ? "divisions" : "colors"]?.shape;
        const small = here ? this.painter.picture(site, index, c, { ...state, mode, solo: null }) : null;
        if (!small) return;
        const t = camera.modelToPreview;
        context.setTransform(scale * t.a, scale * t.b, scale * t.c, scale * t.d, scale * t.e, scale * t.f);
        context.globalAlpha = mode === "similarity" ? 0.85 : 0.72;
        context.imageSmoothingEnabled = mode !== "segments";
        context.drawImage(small, 0, 0, camera.model_size[1], camera.model_size[0]);
      });
      const found = state.pair ? this.episode.confusionAt(state.pair, site.name, index) : null;
      badge.hidden = !found;
      if (found) {
        const color = heat(found.value);
        badge.textContent = short(found.value);
        badge.title = `confusion of the selected pair in this frame`;
        badge.style.background = color;
        badge.style.color = isLight(color.slice(4, -1).split(",").map(Number)) ? "#101216" : "#fff";
      }
    }
  }

  reveal() {
    const cell = this.cells.find(({ site }) => site.name === this.view.state.site)?.element;
    if (!cell) return;
    const left = cell.offsetLeft - this.element.offsetLeft;
    if (left < this.element.scrollLeft || left + cell.offsetWidth > this.element.scrollLeft + this.element.clientWidth) {
      this.element.scrollLeft = left - this.element.clientWidth / 2;
    }
  }

  destroy() {
    clear(this.element);
  }
}
