// Changes on their way to the server, kept until it has them.

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Entries on their way: they outlive the page (localStorage), so that a server that dies takes no note with it. Each outbox
// keeps its own under a key of its own, since pages cannot change one together; a new one takes over what it finds. Where the
// page it is from is still there both send it, and the server knows by session and serial that it is the same.
export class Outbox {
  constructor(key) {
    const all = `trajectory-lens/outbox/${key}`;
    this.key = `${all}#${newId()}`;
    this.entries = new Map();
    try {
      const found = Object.keys(localStorage).filter((name) => name === all || name.startsWith(`${all}#`));
      for (const entry of found.flatMap((name) => JSON.parse(localStorage.getItem(name)))) {
        const there = this.entries.get(entry.id);
        if (!there || there.session !== entry.session || there.serial < entry.serial) this.entries.set(entry.id, entry);
      }
      this.#store();
      for (const name of found) localStorage.removeItem(name);
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
