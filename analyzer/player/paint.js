// What a site makes of a frame, as one small picture a camera: a pixel a patch. The stage and the thumbnails enlarge it.

import { RAMP } from "./look.js";
import { halfTable } from "./npy.js";

export class Painter {
  constructor(episode, changed) {
    this.episode = episode;
    this.changed = changed; // called when something that was missing has come
    this.small = document.createElement("canvas");
    this.images = new Map(); // "rows x columns" -> ImageData
    this.similarities = new Map(); // site name -> Uint8Array (frames, cameras, rows, columns)
    this.tables = new Map();
    this.strongest = new Map(); // dimension -> the attribution that is drawn brightest
  }

  #image(rows, columns) {
    const key = `${rows}x${columns}`;
    if (!this.images.has(key)) this.images.set(key, new ImageData(columns, rows));
    return this.images.get(key);
  }

  ids(site, segments) {
    const key = `${site.name}/${segments}`;
    if (!this.tables.has(key)) {
      if (this.tables.size > 200) this.tables.clear();
      this.tables.set(key, this.episode.idsAt(site, segments));
    }
    return this.tables.get(key);
  }

  // (rows x columns) ids at the wanted number of segments, or null while they are on their way.
  segmentRow(site, index, camera, segments) {
    const row = site.divisions?.row(index, this.changed);
    if (!row) return null;
    const [rows, columns] = site.grid;
    const table = this.ids(site, segments);
    return Uint8Array.from(row.subarray(camera * rows * columns, (camera + 1) * rows * columns), (id) => table[id]);
  }

  // The site whose grid a mode is drawn in: attribution has one of its own.
  siteOf(site, mode) {
    return mode === "attribution" ? this.episode.attributionSite : site;
  }

  // A canvas of columns x rows pixels; null: nothing to draw, or not here yet.
  picture(site, index, camera, state) {
    const shown = this.siteOf(site, state.mode);
    if (!shown) return null;
    const [rows, columns] = shown.grid;
    const image = this.#image(rows, columns);
    if (!this.#fill(image.data, shown, index, camera, rows * columns, state)) return null;
    this.small.width = columns;
    this.small.height = rows;
    this.small.getContext("2d").putImageData(image, 0, 0);
    return this.small;
  }

  #fill(pixels, site, index, camera, cells, state) {
    const from = camera * cells;
    if (state.mode === "colors") {
      const row = site.colors?.row(index, this.changed);
      if (!row) return false;
      for (let i = 0, at = 3 * from; i < cells; i++, at += 3) {
        pixels[4 * i] = row[at];
        pixels[4 * i + 1] = row[at + 1];
        pixels[4 * i + 2] = row[at + 2];
        pixels[4 * i + 3] = 255;
      }
      return true;
    }
    if (state.mode === "segments") {
      const ids = this.segmentRow(site, index, camera, state.segments);
      if (!ids) return false;
      const only = state.solo?.kind === "segment" ? state.solo.id : -1;
      for (let i = 0; i < cells; i++) {
        const [r, g, b] = site.palette[ids[i]];
        pixels[4 * i] = r;
        pixels[4 * i + 1] = g;
        pixels[4 * i + 2] = b;
        pixels[4 * i + 3] = only < 0 || only === ids[i] ? 255 : 0;
      }
      return true;
    }
    if (state.mode === "similarity") {
      const all = this.similarities.get(site.name);
      if (!all) return false;
      const start = index * this.episode.cameras.length * cells + from;
      for (let i = 0; i < cells; i++) this.#heat(pixels, i, all[start + i] / 255);
      return true;
    }
    if (state.mode === "attribution") {
      const row = this.episode.attribution?.row(this.episode.attributedAt(index), this.changed);
      if (!row) return false;
      const dimensions = this.episode.attribution.shape[4];
      const d = Math.min(state.dimension, dimensions - 1);
      const most = this.#most(d, dimensions);
      const table = halfTable();
      for (let i = 0; i < cells; i++) this.#heat(pixels, i, most ? Math.abs(table[row[(from + i) * dimensions + d]]) / most : 0);
      return true;
    }
    return false;
  }

  #heat(pixels, i, value) {
    const at = 3 * Math.round(255 * Math.min(1, Math.max(0, value || 0)));
    pixels[4 * i] = RAMP[at];
    pixels[4 * i + 1] = RAMP[at + 1];
    pixels[4 * i + 2] = RAMP[at + 2];
    pixels[4 * i + 3] = 255;
  }

  // The 99.5th percentile over what is loaded: the same brightness in all frames, whatever one odd patch does.
  #most(d, dimensions) {
    if (!this.strongest.has(d)) {
      const array = this.episode.attribution;
      const values = [];
      const table = halfTable();
      for (const piece of array.pieces.values()) {
        if (piece instanceof Promise) continue;
        const stride = dimensions * Math.max(1, Math.floor(piece.length / dimensions / 50000));
        for (let i = d; i < piece.length; i += stride) if (!Number.isNaN(table[piece[i]])) values.push(Math.abs(table[piece[i]]));
      }
      values.sort((a, b) => a - b);
      this.strongest.set(d, values[Math.floor(0.995 * (values.length - 1))] || 0);
    }
    return this.strongest.get(d);
  }
}

// Lines between patches of different segments, in patches.
export function borders(ids, rows, columns) {
  const path = new Path2D();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const here = ids[row * columns + column];
      if (column + 1 < columns && ids[row * columns + column + 1] !== here) {
        path.moveTo(column + 1, row);
        path.lineTo(column + 1, row + 1);
      }
      if (row + 1 < rows && ids[(row + 1) * columns + column] !== here) {
        path.moveTo(column, row + 1);
        path.lineTo(column + 1, row + 1);
      }
    }
  }
  return path;
}
