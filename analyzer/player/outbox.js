// Changes on their way to the server, kept until it has them.

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Entries on their way: they outlive the page (localStorage), so that a server that dies takes no note with it. Pages of the same
// episode share what is kept: each changes its own entries there and leaves the others'. What two of them send twice the server
// knows by session and serial.
export class Outbox {
  constructor(key) {
    this.key = `trajectory-lens/outbox/${key}`;
    this.entries = this.#kept();
  }

  put(entry) {
    this.entries.set(entry.id, entry);
    this.#keep((kept) => kept.set(entry.id, entry));
  }

  settle(saved) {
    const arrived = (entries) => {
      for (const { id, session, serial } of saved) {
        const waiting = entries.get(id);
        if (waiting?.serial === serial && waiting.session === session) entries.delete(id);
      }
    };
    arrived(this.entries);
    this.#keep(arrived);
  }

  #kept() {
    try {
      return new Map(JSON.parse(localStorage.getItem(this.key) ?? "[]").map((entry) => [entry.id, entry]));
    } catch {
      // A page opened from a file, or a browser that keeps nothing: the notes still go out.
      return new Map();
    }
  }

  #keep(change) {
    const kept = this.#kept();
    change(kept);
    try {
      if (kept.size) localStorage.setItem(this.key, JSON.stringify([...kept.values()]));
      else localStorage.removeItem(this.key);
    } catch {
      // see above
    }
  }
}
