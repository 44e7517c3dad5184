// Two players in a Streamlit page (Components v2).
//   data  {pair: address, run, episode, run_b, episode_b}
// The view goes into the address of the page, not to Python.

import { el, theme } from "./dom.js";
import { mountPair } from "./compare.js";

const mounted = new WeakMap(); // root -> {address, door}

function link(data) {
  const address = () => new URL(window.location.href);
  const named = { run: data.run, episode: data.episode, run_b: data.run_b, episode_b: data.episode_b };
  return {
    read: (name) => address().searchParams.get(name),
    write: (changes) => {
      const here = address();
      for (const [name, value] of Object.entries({ ...named, ...changes })) {
        if (value === null || value === undefined) here.searchParams.delete(name);
        else here.searchParams.set(name, value);
      }
      window.history.replaceState(window.history.state, "", here);
    },
    copy: () => navigator.clipboard?.writeText(window.location.href),
  };
}

async function read(address, asked = null) {
  const answer = await (asked ?? fetch(new URL(address, document.baseURI)));
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// `about.answer`: the promise of the response to data.pair.
export async function attach({ data, parentElement }, about) {
  const host = parentElement.querySelector?.(".lens-root") ?? parentElement;
  const wearing = theme(parentElement);
  let here = mounted.get(host);
  if (here && here.address === data.pair) return void here.door?.setTheme(wearing);
  here?.door?.destroy();
  here = { address: data.pair, door: null };
  mounted.set(host, here);
  const say = (title, text) => host.replaceChildren(el("div", { class: "lens", "data-theme": wearing }, el("section", { class: "panel" }, el("h3", {}, title), text ? el("p", { class: "quiet" }, text) : null)));
  say("Setting both side by side …");
  try {
    const pair = await read(data.pair, about.answer);
    const [a, b] = await Promise.all([read(pair.a.manifest), read(pair.b.manifest)]);
    if (mounted.get(host) !== here) return;
    const where = link(data);
    here.door = host.lens = mountPair(host, pair, { a, b }, { theme: wearing, link: where, differences: read, fresh: where.read("at") === null });
  } catch (error) {
    if (mounted.get(host) === here) say("These two cannot be shown side by side", error.message);
  }
}

export function detach(parentElement) {
  const host = parentElement.querySelector?.(".lens-root") ?? parentElement;
  mounted.get(host)?.door?.destroy();
  mounted.delete(host);
}
