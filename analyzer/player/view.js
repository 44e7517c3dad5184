// What is being looked at: one record, and its form as a link. All parts of the player read it and change it here alone.

export const MODES = ["colors", "segments", "similarity", "confusion", "attribution", "off"];
export const MODE_NAMES = {
  colors: "Colours",
  segments: "Segments",
  similarity: "Similarity",
  confusion: "Confusion",
  attribution: "Attribution",
  off: "Off",
};
// Which of the fields a link restores.
export const LINKED = ["frame", "site", "mode", "pair", "patch", "segments", "solo", "dimension", "case", "opacity", "outlines"];

const NOTHING = "-";

export class View {
  constructor(state) {
    this.state = state;
    this.listeners = new Set();
  }

  set(changes) {
    const changed = Object.keys(changes).filter((key) => !same(this.state[key], changes[key]));
    if (!changed.length) return;
    Object.assign(this.state, changes);
    const names = new Set(changed);
    for (const listener of [...this.listeners]) listener(names, this.state);
  }

  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

function same(a, b) {
  return a === b || (a && b && typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}

// -> {name: text}; what is as it would be anyway is left out, so that links stay short.
export function toLink(state, usual) {
  const written = {
    frame: String(state.frame),
    site: state.site,
    mode: state.mode,
    pair: state.pair ? state.pair.join("-") : null,
    patch: state.patch ? [state.patch.frame, state.patch.camera, state.patch.row, state.patch.column].join(".") : null,
    segments: String(state.segments),
    solo: state.solo ? `${state.solo.kind}-${state.solo.id}` : null,
    dimension: String(state.dimension),
    case: state.case,
    opacity: String(Math.round(100 * state.opacity)),
    outlines: state.outlines ? "on" : "off",
  };
  // What is usually chosen, and here is not, has to be said.
  for (const key of ["pair", "case"]) if (!state[key] && usual[key]) written[key] = NOTHING;
  const plain = { ...usual, frame: undefined, pair: usual.pair?.join("-"), segments: String(usual.segments), dimension: String(usual.dimension), opacity: String(Math.round(100 * usual.opacity)), outlines: usual.outlines ? "on" : "off" };
  return Object.fromEntries(LINKED.map((key) => [key, written[key] !== null && written[key] !== plain[key] ? written[key] : null]));
}

function whole(text, low, high) {
  return /^\d{1,9}$/.test(text ?? "") && Number(text) >= low && Number(text) <= high ? Number(text) : null;
}

// The reverse, with nothing believed: what is out of range or unknown in this episode is dropped. A patch is one of the site
// in view: the usual one, where the link names none.
export function fromLink(read, episode, usual) {
  const found = {};
  const put = (key, value) => {
    if (value !== null && value !== undefined) found[key] = value;
  };
  put("frame", whole(read("frame"), 0, episode.times.length - 1));
  put("site", episode.sites.find((site) => site.name === read("site"))?.name);
  put("mode", MODES.find((mode) => mode === read("mode")));
  const pair = (read("pair") ?? "").split("-").map(Number);
  if (episode.pairIndex(pair) >= 0) put("pair", pair);
  else if (read("pair") === NOTHING) found.pair = null;
  const patch = (read("patch") ?? "").split(".").map((part) => whole(part, 0, 1e8));
  if (patch.length === 4 && !patch.includes(null)) {
    const [frame, camera, row, column] = patch;
    const site = episode.site(found.site ?? usual.site) ?? episode.sites[0];
    const inside = frame < episode.frames.length && camera < episode.cameras.length && site && row < site.grid[0] && column < site.grid[1];
    if (inside) put("patch", { frame, camera, row, column, site: site.name });
  }
  put("segments", whole(read("segments"), 1, 255));
  const solo = /^(segment|instance)-(\d{1,3})$/.exec(read("solo") ?? "");
  if (solo) put("solo", { kind: solo[1], id: Number(solo[2]) });
  put("dimension", whole(read("dimension"), 0, 999));
  put("case", episode.cases.find((one) => one.id === read("case"))?.id);
  if (!found.case && read("case") === NOTHING) found.case = null;
  const opacity = whole(read("opacity"), 0, 100);
  if (opacity !== null) put("opacity", opacity / 100);
  if (["on", "off"].includes(read("outlines"))) found.outlines = read("outlines") === "on";
  return found;
}
