// Elements made from plain values. Text goes in as text nodes, never as markup: names and notes are hostile.

const SVG = "http://www.w3.org/2000/svg";

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(node.style, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

export function el(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

const ICONS = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  back: "M15.5 5.5 9 12l6.5 6.5M6 5v14",
  next: "M8.5 5.5 15 12l-6.5 6.5M18 5v14",
  loop: "M5 10V9a3 3 0 0 1 3-3h9m-3-3 3 3-3 3M19 14v1a3 3 0 0 1-3 3H7m3 3-3-3 3-3",
  help: "M9 9a3 3 0 1 1 4.2 2.75c-.8.4-1.2 1-1.2 1.9v.35M12 17.5v.01",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
  copy: "M9 9h10v10H9zM5 15V5h10",
  close: "M6 6l12 12M18 6 6 18",
  camera: "M4 8h3l2-2.5h6L17 8h3v11H4zM12 16.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z",
  pencil: "M5 19l1-4L15.5 5.5a2.1 2.1 0 0 1 3 3L9 18z",
  chevron: "M8 10l4 4 4-4",
  compare: "M4.5 5.5h6v13h-6zM13.5 5.5h6v13h-6zM12 3v18",
  save: "M12 4v10m-4-4 4 4 4-4M5 17v2.5h14V17",
};
const FILLED = new Set(["play", "pause"]);

export function icon(name) {
  const filled = FILLED.has(name);
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: 18, height: 18, "aria-hidden": "true", class: "icon" },
    svg("path", {
      d: ICONS[name],
      fill: filled ? "currentColor" : "none",
      stroke: filled ? "none" : "currentColor",
      "stroke-width": 1.8,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
    }),
  );
}

export function button(label, { title = label, pressed = null, className = "", onclick, icon: glyph = null }) {
  return el(
    "button",
    {
      type: "button",
      class: className,
      title,
      "aria-label": title,
      "aria-pressed": pressed === null ? null : String(pressed),
      onclick,
    },
    glyph ? icon(glyph) : null,
    glyph && !label ? null : glyph && title === label ? null : label,
  );
}

export function clear(node) {
  while (node.firstChild) node.firstChild.remove();
  return node;
}

// Only what the layout needs: a canvas whose pixels are the screen's.
export function sharpCanvas(canvas, width, height) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const w = Math.max(1, Math.round(width * ratio));
  const h = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// What the page around `root` wears: "light" or "dark".
export function theme(root) {
  const host = root.host ?? root;
  const color = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
  const probe = el("span", { style: { color, display: "none" } });
  root.append(probe);
  const [r, g, b] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
  probe.remove();
  return 0.299 * r + 0.587 * g + 0.114 * b > 128 ? "light" : "dark";
}
