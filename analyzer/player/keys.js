// The keyboard. Streamlit keeps r, c and Escape for itself; so do we.

import { button, el } from "./dom.js";

export const KEYS = [
  ["Space", "play or pause"],
  ["← →", "one frame back or on; with Shift ten"],
  ["Home End", "first and last frame"],
  ["[ ]", "shallower or deeper site"],
  ["m", "next way of looking: colours, segments, …"],
  ["o", "overlay on or off"],
  ["b", "outlines of instances on or off"],
  ["n p", "next or previous case"],
  ["1 … 9", "one segment alone; again: all"],
  ["a", "add an object: arrows and Space or the mouse take patches, + - more or less, Enter its name; again: leave it"],
  ["l", "loop: start here, end here, off"],
  ["< >", "slower or faster"],
  ["↑ ↓", "previous or next episode"],
  ["?", "this sheet"],
];

function typing(event) {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement && (target.matches("textarea, select, input:not([type=range])") || target.isContentEditable);
}

// `actions`: name -> function; true is returned where the key was taken.
export function handleKey(event, actions) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event)) return false;
  const target = event.composedPath()[0];
  const onButton = target instanceof HTMLElement && target.matches("button, summary, a");
  const onSlider = target instanceof HTMLElement && target.matches("input[type=range]");
  const stride = event.shiftKey ? 10 : 1;
  const table = {
    ArrowLeft: () => actions.step(-stride),
    ArrowRight: () => actions.step(stride),
    Home: () => actions.edge(-1),
    End: () => actions.edge(1),
    ArrowUp: () => actions.episode(-1),
    ArrowDown: () => actions.episode(1),
    "[": () => actions.site(-1),
    "]": () => actions.site(1),
    m: () => actions.mode(),
    o: () => actions.overlay(),
    b: () => actions.outlines(),
    n: () => actions.nextCase(1),
    p: () => actions.nextCase(-1),
    l: () => actions.loop(),
    a: () => actions.point(),
    "<": () => actions.faster(-1),
    ">": () => actions.faster(1),
    "?": () => actions.help(),
  };
  let act = table[event.key];
  if (actions.pointing && !onButton) act = pointing(actions.pointing)[event.key] ?? act;
  if (event.key === " " && !onButton && !actions.pointing) act = () => actions.play();
  if (/^[1-9]$/.test(event.key)) act = () => actions.solo(Number(event.key));
  if (!act || (onSlider && event.key.startsWith("Arrow"))) return false;
  event.preventDefault();
  event.stopPropagation();
  act();
  return true;
}

// Keys that mean something else while an object is pointed at.
function pointing({ walk, take, aside, grow, name }) {
  return {
    ArrowLeft: () => walk(0, -1),
    ArrowRight: () => walk(0, 1),
    ArrowUp: () => walk(-1, 0),
    ArrowDown: () => walk(1, 0),
    " ": take,
    x: aside,
    "+": () => grow(1),
    "=": () => grow(1),
    "-": () => grow(-1),
    Enter: name,
  };
}

const POINTING = "Click a patch: who looks like it, in all frames and at all sites. Shift-click an instance: it alone. Drag the time axis: seek.";

export function helpSheet(close, keys = KEYS, pointing = POINTING) {
  const rows = keys.map(([names, does]) => el("tr", {}, el("th", { scope: "row" }, ...names.split(" ").map((key) => (key === "…" ? "…" : el("kbd", {}, key)))), el("td", {}, does)));
  return el(
    "dialog", { class: "help", "aria-label": "Keys" },
    el("div", { class: "panel-head" }, el("h3", {}, "Keys"), button("", { title: "Close", icon: "close", className: "plain", onclick: close })),
    el("table", {}, el("tbody", {}, ...rows)),
    el("p", { class: "quiet" }, pointing),
  );
}
