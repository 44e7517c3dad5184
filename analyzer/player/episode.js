// An episode as the manifest describes it, with its arrays at hand.

import { Memory, RemoteArray } from "./npy.js";
import { frameAt } from "./clock.js";
import { cellToPreview, modelToPreview, outlines, patchToPreview, seesAll } from "./geometry.js";
import { calm } from "./look.js";

const OUTLINES_KEPT = 400; // frames whose outlines are remembered

export class Episode {
  constructor(manifest) {
    this.manifest = manifest;
    this.memory = new Memory();
    this.times = manifest.video.times;
    this.end = manifest.video.end_s;
    this.frames = manifest.frames;
    this.cameras = manifest.cameras.map((camera) => ({ ...camera, seesAll: seesAll(camera), modelToPreview: modelToPreview(camera) }));
    this.sites = manifest.sites.map((site) => this.#site(site));
    this.actions = manifest.actions;
    this.#take(manifest);
  }

  // What was found. May be taken again, from a manifest of the same frames and sites.
  #take(manifest) {
    const findings = manifest.findings;
    this.assessed = findings !== null;
    this.instances = (findings?.instances ?? []).map((instance) => ({ ...instance, color: calm(instance.color) }));
    this.pairs = findings?.pairs ?? [];
    this.findingSites = findings?.sites ?? [];
    this.cases = findings?.cases ?? [];
    this.events = findings?.events ?? [];
    this.notAssessed = findings?.not_assessed ?? [];
    this.confusion = this.#array(findings?.sources.confusion);
    this.attribution = this.#array(findings?.sources.attribution);
    this.dependence = findings?.dependence ?? null;
    this.attributed = this.dependence?.attribution_frames?.length ? this.dependence.attribution_frames : null;
    this.attributionSite = this.sites.find((site) => site.name === findings?.attribution_site) ?? null;
    this.labels = this.#array(manifest.labels?.source);
    this.labelGrid = manifest.labels?.grid ?? null;
    this.cellMaps = this.labelGrid ? this.cameras.map((camera) => cellToPreview(camera, this.labelGrid)) : [];
    this.outlined = new Map();
    this.confusionValues = null; // Float32Array once loaded
    this.byId = new Map(this.instances.map((instance) => [instance.id, instance]));
  }

  // New findings about the same pictures; false: it is about others, and all must be opened anew.
  renew(manifest) {
    const same = (of) => JSON.stringify([of.frames, of.cameras, of.sites, of.video, of.actions]);
    if (same(manifest) !== same(this.manifest)) return false;
    for (const array of [this.confusion, this.attribution, this.labels]) array?.release();
    this.manifest = manifest;
    this.#take(manifest);
    return true;
  }

  #array(source) {
    return source ? new RemoteArray(source, this.memory) : null;
  }

  #site(site) {
    const maps = this.cameras.map((camera) => patchToPreview(camera, site.grid));
    const inverse = maps.map((map) => map.inverse());
    const [colors, divisions, eigenvectors] = ["colors", "segments", "eigenvectors"].map((name) => this.#array(site.sources[name]));
    return { ...site, colors, divisions, eigenvectors, maps, inverse };
  }

  site(name) {
    return this.sites.find((site) => site.name === name);
  }

  // Position among the analysed frames of the one nearest to a recording frame.
  analysed(frame) {
    const below = frameAt(this.frames, frame);
    const next = below + 1;
    return next < this.frames.length && this.frames[next] - frame < frame - this.frames[below] ? next : below;
  }

  // The nearest analysed frame that was asked for its attribution: asking costs, so not all are.
  attributedAt(index) {
    if (!this.attributed) return index;
    return this.attributed.reduce((best, one) => (Math.abs(one - index) < Math.abs(best - index) ? one : best));
  }

  name(id) {
    return this.byId.get(id)?.name ?? `object ${id}`;
  }

  pairIndex(pair) {
    return pair ? this.pairs.findIndex(({ a, b }) => a === pair[0] && b === pair[1]) : -1;
  }

  // {value, low, high} of a pair at a site of the policy at an analysed frame; null: not assessed.
  confusionAt(pair, siteName, index) {
    const p = this.pairIndex(pair);
    const s = this.findingSites.indexOf(siteName);
    if (p < 0 || s < 0 || !this.confusionValues) return null;
    const at = ((p * this.findingSites.length + s) * this.frames.length + index) * 3;
    const [value, low, high] = this.confusionValues.subarray(at, at + 3);
    return Number.isNaN(value) ? null : { value, low, high };
  }

  // The pairs an instance is in, the most confused first, at a site and frame.
  mostConfused(id, siteName, index) {
    let worst = null;
    for (const { a, b } of this.pairs) {
      if (a !== id && b !== id) continue;
      const found = this.confusionAt([a, b], siteName, index);
      if (found && (!worst || found.value > worst.value)) worst = { ...found, pair: [a, b] };
    }
    return worst;
  }

  async loadConfusion() {
    if (!this.confusion) return false;
    this.confusionValues ??= await this.confusion.whole();
    this.confusion.release();
    return true;
  }

  labelsAt(index, camera, arrive) {
    const row = this.labels?.row(index, arrive);
    if (!row) return null;
    const cells = this.labelGrid[0] * this.labelGrid[1];
    return row.subarray(camera * cells, (camera + 1) * cells);
  }

  outlinesAt(index, camera, arrive) {
    const key = index * this.cameras.length + camera;
    let paths = this.outlined.get(key);
    if (!paths) {
      const labels = this.labelsAt(index, camera, arrive);
      if (!labels) return null;
      paths = outlines(labels, ...this.labelGrid);
      this.outlined.set(key, paths);
      if (this.outlined.size > OUTLINES_KEPT) this.outlined.delete(this.outlined.keys().next().value);
    }
    return paths;
  }

  // id under a point of a camera's picture; 0: nobody.
  instanceAt(index, camera, x, y) {
    const labels = this.labelsAt(index, camera);
    if (!labels) return 0;
    const point = this.cellMaps[camera].inverse().transformPoint(new DOMPoint(x, y));
    const [row, column] = [Math.floor(point.y), Math.floor(point.x)];
    const [rows, columns] = this.labelGrid;
    return row >= 0 && column >= 0 && row < rows && column < columns ? labels[row * columns + column] : 0;
  }

  // What each id of segments.npy becomes when `wanted` segments are asked for (analyzer/ncut/nesting.py).
  idsAt(site, wanted) {
    const into = Uint8Array.from(site.palette, (_, id) => id);
    const joins = Math.max(0, site.merges.length + 1 - wanted);
    for (const [absorbed, absorbing] of site.merges.slice(0, joins)) {
      for (let id = 0; id < into.length; id++) if (into[id] === absorbed) into[id] = absorbing;
    }
    return into;
  }
}
