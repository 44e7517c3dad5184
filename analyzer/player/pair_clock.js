// Two recordings on one clock. It stops at moments; a moment is a frame of each side, and both are put on the screen in one
// go, once both videos say that they are there. Playing is going from moment to moment in time: where the machine is too
// slow moments are left out, but never is a frame shown beside one that it does not belong to.

export class PairClock {
  // moments  {at[] seconds, a[], b[] frames}, rising · end  seconds
  // sides    {a, b}: each has seek(frame), and calls arrived(letter, frame) when a frame can be drawn
  constructor({ moments, end_s: end }, sides, { onmoment, onstate }) {
    Object.assign(this, { moments, end, sides, onmoment, onstate });
    this.at = -1; // moment on the screen
    this.wanted = 0;
    this.going = null; // moment that both sides are on their way to
    this.there = { a: -1, b: -1 };
    this.loop = null; // [first, last] moments
    this.rate = 1;
    this.playing = false;
    this.base = null; // {now, at}: when playing began, and where
    this.left = 0; // moments left out while playing, since the machine was too slow
  }

  get count() {
    return this.moments.at.length;
  }

  get first() {
    return this.loop ? this.loop[0] : 0;
  }

  get last() {
    return this.loop ? this.loop[1] : this.count - 1;
  }

  clamp(at) {
    return Math.min(this.count - 1, Math.max(0, Math.round(at)));
  }

  // The moment shown at a time of the shared clock.
  momentAt(seconds) {
    const { at } = this.moments;
    let low = 0;
    let high = at.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (at[middle] <= seconds) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // The first moment that shows a frame of a side.
  momentOf(letter, frame) {
    const found = this.moments[letter].findIndex((one) => one >= frame);
    return found < 0 ? this.count - 1 : found;
  }

  seek(at) {
    this.wanted = this.clamp(at);
    if (this.going === null) this.#go();
  }

  #go() {
    this.going = this.wanted;
    // Who has the frame already is not asked again: a frame lasts longer on one side than on the other.
    for (const letter of ["a", "b"]) {
      if (this.there[letter] !== this.moments[letter][this.going]) this.sides[letter]?.seek(this.moments[letter][this.going]);
    }
    this.#look();
  }

  arrived(letter, frame) {
    this.there[letter] = frame;
    this.#look();
  }

  #look() {
    if (this.going === null || this.gone) return;
    if (this.there.a !== this.moments.a[this.going] || this.there.b !== this.moments.b[this.going]) return;
    this.at = this.going;
    this.going = null;
    this.onmoment(this.at);
    if (this.gone) return;
    if (this.wanted !== this.at) queueMicrotask(() => this.going === null && !this.gone && this.#go());
    else if (this.playing) this.#next();
  }

  // -- playing -------------------------------------------------------------------------------------------------------

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.base = null;
    this.left = 0;
    this.onstate();
    if (this.at >= this.last || this.at < this.first) this.seek(this.first);
    else if (this.going === null) this.#next();
  }

  pause() {
    this.playing = false;
    clearTimeout(this.timer);
    this.wanted = this.going ?? this.at;
    this.onstate();
  }

  setRate(rate) {
    this.rate = rate;
    this.base = null;
  }

  #next() {
    clearTimeout(this.timer);
    const now = performance.now();
    const { at } = this.moments;
    this.base ??= { now, at: at[this.at] };
    const due = this.base.at + ((now - this.base.now) * this.rate) / 1000;
    if (this.at >= this.last) {
      const end = this.last + 1 < this.count ? at[this.last + 1] : this.end;
      if (due < end) this.timer = setTimeout(() => this.playing && this.#next(), ((end - due) * 1000) / this.rate);
      else if (this.loop) {
        this.base = null;
        this.seek(this.first);
      } else this.pause();
      return;
    }
    const target = Math.min(this.last, this.momentAt(due));
    if (target > this.at) {
      this.left += target - this.at - 1;
      this.seek(target);
    } else this.timer = setTimeout(() => this.playing && this.going === null && this.#next(), Math.max(1, ((at[this.at + 1] - due) * 1000) / this.rate));
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.timer);
  }
}

// The shared clock as the time axis of one side (timeline.js): where a time of its recording lies, and the way back.
export function sharedAxis({ knots, matched, end_s: length }, letter, start) {
  const column = letter === "a" ? 1 : 2;
  // Where a side waits, it has arrived at once: made to rise a little, so that the way can be read backwards.
  const own = knots.map((knot, i) => knot[column] + 1e-9 * i);
  const shared = knots.map(([at]) => at);
  return {
    length,
    marks: matched.map(([, at]) => at / length),
    share: (time) => between(own, shared, time - start) / length,
    time: (share) => start + between(shared, own, share * length),
    ends: shared[knots.findIndex((knot) => knot[column] >= knots.at(-1)[column] - 1e-6)],
  };
}

function between(from, to, value) {
  if (value <= from[0]) return to[0];
  for (let i = 1; i < from.length; i++) {
    if (value <= from[i]) return to[i - 1] + ((value - from[i - 1]) / Math.max(1e-12, from[i] - from[i - 1])) * (to[i] - to[i - 1]);
  }
  return to.at(-1);
}
