"""What of our components travels with the page: a script that fetches the rest, which the browser keeps."""

LOADER = """
const asked = new WeakMap(); // root -> {address, answer, video}: what is fetched for it
export default async function (component) {
  const { data, parentElement } = component;
  const to = (path) => new URL(path, document.baseURI).href;
  // Modules, what is shown and its video are fetched side by side, the latter two once for what is shown.
  const address = data.manifest ?? data.pair;
  let about = asked.get(parentElement);
  if (address && about?.address !== address) {
    about = { address, answer: fetch(to(address)), video: null };
    if (data.video) {
      about.video = document.createElement("video");
      about.video.preload = "auto";
      about.video.muted = true;
      about.video.src = to(data.video);
    }
    asked.set(parentElement, about);
  }
  const { attach, detach } = await import(to(data.module));
  await attach(component, about);
  return () => {
    // Streamlit also cleans up after a call that the next one overtook, with the page still there: what is shown stays.
    if (parentElement.isConnected) return;
    asked.delete(parentElement); // an answer is read once: whoever comes back asks again
    detach(parentElement);
  };
}
"""
"""For `st.components.v2.component(…, js=…)`. Data: `module`, an address; `manifest` or `pair`, what is fetched and handed on as
`about.answer`; `video`, what is loaded as `about.video`. The module has `attach(component, about)` and `detach(root)`."""
