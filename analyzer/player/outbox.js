// Changes on their way to the server, kept until it has them.

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Entries on their way: they outlive the page (localStorage), so that a server that dies takes no note with it.
export class Outbox {
  constructor(key) {
    this.key = `trajectory-lens/outbox/${key}`;
    this.entries = new Map();
    try {
      for (const entry of JSON.parse(localStorage.getItem(this.key) ?? "[]")) this.entries.set(entry.id, entry);
    } catch {
      // A page opened from a file, or a browser that keeps nothing: the notes still go out.
    }
  }

  put(entry) {
    this.entries.set(entry.id, entry);
    this.#store();
  }

  settle(saved) {
    for (const { id, session, serial } of saved) {
      const waiting = this.entries.get(id);
      if (waiting?.serial === serial && waiting.session === session) this.entries.delete(id);
    }
    this.#store();
  }

  #store() {
    try {
      if (this.entries.size) localStorage.setItem(this.key, JSON.stringify([...this.entries.values()]));
      else localStorage.removeItem(this.key);
    } catch {
      // see above
    }
  }
}
