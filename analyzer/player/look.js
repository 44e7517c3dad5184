// Colours that mean something, chosen so that red-blind and green-blind viewers can read them.

// Inferno (Smith & van der Walt 2015): lightness rises evenly, so it reads the same to every viewer, and in grey.
const STOPS = [
  [0, 0, 4], [22, 11, 57], [66, 10, 104], [106, 23, 110], [147, 38, 103], [188, 55, 84], [221, 81, 58],
  [243, 120, 25], [252, 165, 10], [246, 215, 70], [252, 255, 164],
];

export const RAMP = (() => {
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    // From a little above black: a cell that was measured must not look like no cell.
    const at = (0.08 + 0.92 * (i / 255)) * (STOPS.length - 1);
    const low = Math.min(STOPS.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++) table[3 * i + c] = STOPS[low][c] + (at - low) * (STOPS[low + 1][c] - STOPS[low][c]);
  }
  return table;
})();

export function heat(value) {
  const i = 3 * Math.round(255 * Math.min(1, Math.max(0, value)));
  return `rgb(${RAMP[i]},${RAMP[i + 1]},${RAMP[i + 2]})`;
}

export function rgb(color, alpha = 1) {
  return `rgba(${color[0]},${color[1]},${color[2]},${alpha})`;
}

// The colours of instances are as far apart as a screen can show, which glares as a line or a bar: drawn together evenly, they
// stay as different from each other as they were, beside each other.
export function calm(color) {
  return color.map((value) => Math.round(0.66 * value + 0.34 * 185));
}

// Whether a colour is light enough to need dark text on it (WCAG relative luminance).
export function isLight(color) {
  const [r, g, b] = color.map((value) => {
    const v = value / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.32;
}

// Of canvases, which CSS variables do not reach: read once per theme from the root.
export function canvasColors(root) {
  const style = getComputedStyle(root);
  const names = ["surface", "raised", "hairline", "faint", "muted", "text", "accent", "recorded", "predicted", "alarm"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

export function seconds(time) {
  if (!(time >= 60)) return `${time.toFixed(2)} s`;
  const minutes = Math.floor(time / 60);
  return `${minutes}:${(time - 60 * minutes).toFixed(2).padStart(5, "0")}`;
}

export function short(value, digits = 2) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 100000)) return value.toExponential(1);
  return size >= 1000 ? value.toFixed(0) : String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : digits)));
}
