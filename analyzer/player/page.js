// The player in a Streamlit page (Components v2): what comes from Python, and what goes back.
//   data  {manifest, video, run, exports: address of what can be exported, theme?, review {reviewer, reviews, saved, error, turn}|null,
//         objects {address, saved, error, turn}|null, neighbours {previous, next}, choices {runs[]?, episodes[]?}}
//   back  triggers "review" (changes of reviews), "objects" (changes of objects), "episode" (id), "run" (name),
//         "compare" ({site, frame}); the view itself goes into the address, not to Python.

import { button, el, theme } from "./dom.js";
import { ExportMenu } from "./exports.js";
import { mount } from "./player.js";

const mounted = new WeakMap(); // root -> {address, door, ...}

function address() {
  return new URL(window.location.href);
}

// The address is the page's: written in place, so that going back leaves the page as one expects.
function link(run, episode) {
  return {
    read: (name) => (address().searchParams.get("episode") === episode || !address().searchParams.has("episode") ? address().searchParams.get(name) : null),
    write: (changes) => {
      const here = address();
      for (const [name, value] of Object.entries({ run, episode, ...changes })) {
        if (value === null || value === undefined) here.searchParams.delete(name);
        else here.searchParams.set(name, value);
      }
      window.history.replaceState(window.history.state, "", here);
    },
    copy: () => navigator.clipboard?.writeText(window.location.href),
  };
}

async function renewed(manifest) {
  const answer = await fetch(new URL(manifest, document.baseURI).href, { cache: "no-cache" });
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 300));
  return answer.json();
}

// What is shown, and a choice where there is one.
function picker(label, names, here, choose) {
  if (!names) return null;
  const select = el("select", { class: "picker", "aria-label": label, title: label, onchange: () => choose(select.value) }, ...names.map((name) => el("option", { value: name, selected: name === here }, name)));
  return select;
}

// `about`: {answer, video}: the promise of the response to data.manifest, and an element that loads data.video, or null.
export async function attach({ data, parentElement, setTriggerValue }, about) {
  const host = parentElement.querySelector?.(".lens-root") ?? parentElement;
  const wearing = theme(parentElement);
  let here = mounted.get(host);
  if (here && here.address !== data.manifest) {
    here.door?.destroy();
    here.exports?.destroy();
    here = null;
  }
  if (!here) {
    here = { address: data.manifest, data, door: null };
    mounted.set(host, here);
    const response = await about.answer;
    if (mounted.get(host) !== here) return;
    if (!response.ok) {
      host.replaceChildren(el("div", { class: "lens", "data-theme": wearing }, el("section", { class: "panel" }, el("h3", {}, "This episode cannot be shown"), el("p", { class: "quiet" }, await response.text()))));
      return;
    }
    const manifest = await response.json();
    if (mounted.get(host) !== here) return;
    const { video } = about;
    about.video = null; // it goes with the player
    here.door = host.lens = mount(host, manifest, {
      theme: wearing,
      video,
      link: link(data.run, manifest.episode),
      review: data.review ? { reviewer: data.review.reviewer, reviews: data.review.reviews, save: (entries) => setTriggerValue("review", { episode: manifest.episode, entries }) } : null,
      objects: data.objects ? {
        address: new URL(data.objects.address, document.baseURI).href,
        send: (changes) => setTriggerValue("objects", { episode: manifest.episode, changes }),
        renew: () => renewed(data.manifest),
      } : null,
      episode: (by) => {
        const to = by < 0 ? here.data.neighbours?.previous : here.data.neighbours?.next;
        if (to) setTriggerValue("episode", to);
      },
      tools: (player) => [
        picker("Run", data.choices?.runs, data.run, (name) => setTriggerValue("run", name)),
        picker("Episode", data.choices?.episodes, manifest.episode, (id) => setTriggerValue("episode", id)),
        data.exports ? (here.exports = new ExportMenu(data.exports, player)).element : null,
        button("Compare with …", { title: "Set another episode, run or site beside this one", icon: "compare", className: "tool", onclick: () => setTriggerValue("compare", { episode: manifest.episode, site: player.view.state.site }) }),
      ],
    });
    // A call that came while this one waited has left here what the player is to be told.
    if (here.data !== data) tell(here);
    return;
  }
  here.data = data;
  here.wearing = wearing;
  if (here.door) tell(here);
}

function tell(here) {
  const { review, objects } = here.data;
  here.door.setTheme(here.wearing);
  if (review && review.turn !== here.turn) {
    here.turn = review.turn;
    here.door.arrived(review);
  }
  if (objects && objects.turn !== here.objectsTurn) {
    here.objectsTurn = objects.turn;
    here.door.objectsArrived(objects);
  }
}

export function detach(parentElement) {
  const host = parentElement.querySelector?.(".lens-root") ?? parentElement;
  mounted.get(host)?.door?.destroy();
  mounted.get(host)?.exports?.destroy();
  mounted.delete(host);
}
