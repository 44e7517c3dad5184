// How alike every patch of every frame is to one that was clicked, in the coordinates of analyzer/ncut/embedding.py:
// z_j = w_j u_j / u_1 with w_j = lambda_j / sqrt(1 - .9 lambda_j), no longer than the site's reach, and exp(-|z - p|^2 / (2 s^2)) with s half the typical
// distance of two patches: then half of all patches are below 0.14, and what is alike stands out.

import { halfTable } from "./npy.js";

const SAMPLE = 256; // patches that the typical distance is measured on
const STEP = 1 << 15; // patches computed at once
const SHARE = 0.5; // of the typical distance

const DISCOUNT = 0.9; // this and the next as in embedding.py
const LEAST_DEGREE = 1e-3;

// What turns the eigenvectors of a site into coordinates.
export function spaceOf({ eigenvalues, reach }) {
  const weights = Float32Array.from(eigenvalues, (value) => {
    const lambda = Math.min(1, Math.max(0, value));
    return lambda / Math.sqrt(1 - DISCOUNT * lambda);
  });
  return { weights, reach: reach ?? Infinity };
}

// Coordinates of the patch at `at` (its position among all patches in `values`), k - 1 of them.
export function coordinatesAt(values, at, k, { weights, reach }) {
  const table = halfTable();
  const one = Math.max(table[values[at * k]], LEAST_DEGREE);
  const placed = Float32Array.from({ length: k - 1 }, (_, j) => (table[values[at * k + j + 1]] / one) * weights[j + 1]);
  const within = Math.min(1, reach / Math.hypot(...placed));
  return placed.map((value) => value * within);
}

export function typicalDistance(values, k, space) {
  const count = values.length / k;
  const stride = Math.max(1, Math.floor(count / SAMPLE));
  const some = [];
  for (let i = 0; i < count; i += stride) some.push(coordinatesAt(values, i, k, space));
  const distances = new Float32Array((some.length * (some.length - 1)) / 2);
  let n = 0;
  for (let i = 0; i < some.length; i++) {
    for (let j = i + 1; j < some.length; j++) {
      let squared = 0;
      for (let d = 0; d < k - 1; d++) squared += (some[i][d] - some[j][d]) ** 2;
      distances[n++] = Math.sqrt(squared);
    }
  }
  distances.sort();
  return distances[(n - 1) >> 1] || 1;
}

// (patches,) uint8, 255 for the patch itself. `values` are float16 bits, k a patch.
export function similarityTo(point, values, k, { weights, reach }, scale, out, from = 0, to = out.length) {
  const table = halfTable();
  const c = -1 / (2 * scale * scale);
  const own = point.reduce((sum, value) => sum + value * value, 0);
  for (let i = from; i < to; i++) {
    const at = i * k;
    const one = 1 / Math.max(table[values[at]], LEAST_DEGREE);
    // |f z - p|^2 = f^2 |z|^2 - 2 f z'p + |p|^2, where f keeps z within reach: one pass finds all of it.
    let [length, product] = [0, 0];
    for (let j = 1; j < k; j++) {
      const z = table[values[at + j]] * one * weights[j];
      length += z * z;
      product += z * point[j - 1];
    }
    const within = Math.min(1, reach / Math.sqrt(length));
    out[i] = 255 * Math.exp(c * Math.max(0, within * (within * length - 2 * product) + own)) + 0.5;
  }
  return out;
}

// Similarity of a patch to the others of its own frame and camera: (rows x columns) uint8.
export async function similarityInFrame(site, patch) {
  const array = site.eigenvectors;
  const { point, scale } = await pointAt(site, patch);
  const [, cameras, rows, columns, k] = array.shape;
  const home = Math.floor(patch.frame / array.rowsEach);
  const values = await array.piece(home);
  const cells = rows * columns;
  const from = ((patch.frame - home * array.rowsEach) * cameras + patch.camera) * cells;
  return similarityTo(point, values.subarray(from * k, (from + cells) * k), k, spaceOf(site), scale, new Uint8Array(cells));
}

// A patch as something to compare with, at its site: its coordinates, and the scale that "alike" is measured by.
export async function pointAt(site, patch) {
  const array = site.eigenvectors;
  await array.open();
  const [, cameras, rows, columns, k] = array.shape;
  const home = Math.floor(patch.frame / array.rowsEach);
  const values = await array.piece(home);
  const space = spaceOf(site);
  site.scale ??= SHARE * typicalDistance(values, k, space);
  const within = (patch.frame - home * array.rowsEach) * cameras * rows * columns + (patch.camera * rows + patch.row) * columns + patch.column;
  return { point: coordinatesAt(values, within, k, space), scale: site.scale };
}

// Similarity at one site, over all frames, piece by piece; the piece with the clicked frame first. `alive()` false: stop.
export async function similarityAtSite(site, patch, alive, partly) {
  return similarityAlong(site, await pointAt(site, patch), alive, partly, patch.frame);
}

// The same of a point of this basis, whichever recording it comes from.
export async function similarityAlong(site, { point, scale }, alive, partly = null, frame = 0) {
  const array = site.eigenvectors;
  await array.open();
  const [frames, cameras, rows, columns, k] = array.shape;
  const each = cameras * rows * columns;
  const home = Math.floor(frame / array.rowsEach);
  const values = await array.piece(home);
  const space = spaceOf(site);
  const result = new Uint8Array(frames * each);
  // The frame on the screen before all others, then the piece it is in, then the rest.
  const first = frame - home * array.rowsEach;
  const part = (number, piece) => result.subarray(number * array.rowsEach * each, number * array.rowsEach * each + piece.length / k);
  similarityTo(point, values, k, space, scale, part(home, values), first * each, (first + 1) * each);
  partly?.(result);
  const order = [home, ...Array.from({ length: array.pieceCount }, (_, i) => i).filter((i) => i !== home)];
  for (const number of order) {
    const piece = number === home ? values : await array.piece(number);
    const out = part(number, piece);
    for (let from = 0; from < out.length; from += STEP) {
      if (!alive()) return null;
      similarityTo(point, piece, k, space, scale, out, from, Math.min(out.length, from + STEP));
    }
    await new Promise((go) => setTimeout(go));
  }
  return alive() ? result : null;
}
