// Which frame is on the screen. Time is the recording's own table, never number / rate: clips of varying rate exist.

export function frameAt(times, time) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

function nearestFrame(times, time) {
  const below = frameAt(times, time);
  return below + 1 < times.length && times[below + 1] - time < time - times[below] ? below + 1 : below;
}

// What both clocks share: `frame` is what is shown, `onframe(frame)` is called at the moment it can be drawn.
class Clock {
  constructor(times, end, { onframe, onstate }) {
    this.times = times;
    this.end = end;
    this.frame = 0;
    this.loop = null; // [first, last], both included
    this.rate = 1;
    this.playing = false;
    this.onframe = onframe;
    this.onstate = onstate;
  }

  clamp(frame) {
    return Math.min(this.times.length - 1, Math.max(0, Math.round(frame)));
  }

  get first() {
    return this.loop ? this.loop[0] : 0;
  }

  get last() {
    return this.loop ? this.loop[1] : this.times.length - 1;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }
}

export class VideoClock extends Clock {
  constructor(video, times, end, callbacks) {
    super(times, end, callbacks);
    this.video = video;
    this.wanted = 0;
    this.going = null; // the frame that a seek under way leads to
    this.listening = 0;
    this.events = {
      seeked: () => this.#seeked(),
      ended: () => this.#ended(),
      loadeddata: () => this.going === null && !this.playing && this.seek(this.wanted),
      error: () => callbacks.onerror?.(video.error),
    };
    for (const [name, listener] of Object.entries(this.events)) video.addEventListener(name, listener);
  }

  // The middle of the interval in which a frame is shown: rounding cannot lead to its neighbour.
  middle(frame) {
    const next = frame + 1 < this.times.length ? this.times[frame + 1] : Math.max(this.end, this.times[frame] + 0.002);
    return (this.times[frame] + next) / 2;
  }

  seek(frame) {
    this.wanted = this.clamp(frame);
    if (this.going === null && this.video.readyState > 0) this.#go();
  }

  #go() {
    this.going = this.wanted;
    this.video.currentTime = this.middle(this.going);
  }

  #seeked() {
    if (this.going === null) return;
    const reached = this.going;
    this.going = null;
    this.#show(reached);
    // Keys may repeat faster than a seek: only the last one counts.
    if (this.wanted !== reached) this.#go();
    else if (this.playing && this.video.paused) this.#resume();
  }

  #show(frame) {
    this.frame = frame;
    this.onframe(frame);
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.onstate();
    if (this.frame >= this.last || this.frame < this.first) this.seek(this.first);
    else this.#resume();
    this.#listen();
  }

  #resume() {
    this.video.playbackRate = this.rate;
    this.video.play().catch(() => this.pause());
  }

  setRate(rate) {
    this.rate = rate;
    this.video.playbackRate = rate;
  }

  #listen() {
    const turn = ++this.listening;
    const heard = (_, { mediaTime }) => {
      if (turn !== this.listening || !this.playing) return;
      if (this.going === null) {
        const frame = nearestFrame(this.times, mediaTime);
        if (frame > this.last || frame < this.first) this.#again();
        else {
          this.wanted = frame;
          this.#show(frame);
        }
      }
      this.video.requestVideoFrameCallback(heard);
    };
    this.video.requestVideoFrameCallback(heard);
  }

  #again() {
    if (this.loop) {
      this.video.pause();
      this.seek(this.first);
    } else this.pause();
  }

  #ended() {
    if (!this.playing) return;
    if (this.loop) this.seek(this.first);
    else {
      this.wanted = this.times.length - 1;
      this.pause();
    }
  }

  pause() {
    this.listening++;
    this.playing = false;
    this.video.pause();
    this.onstate();
    // The decoder may be ahead of what was drawn last: bring it back to exactly that.
    this.seek(this.wanted);
  }

  destroy() {
    this.listening++;
    for (const [name, listener] of Object.entries(this.events)) this.video.removeEventListener(name, listener);
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }
}

// For a run without a preview: the same, without pictures.
export class BareClock extends Clock {
  seek(frame) {
    this.frame = this.clamp(frame);
    this.onframe(this.frame);
  }

  play() {
    this.playing = true;
    this.onstate();
    if (this.frame >= this.last || this.frame < this.first) this.seek(this.first);
    this.#wait();
  }

  #wait() {
    const next = this.frame + 1 < this.times.length ? this.times[this.frame + 1] : this.end;
    this.timer = setTimeout(() => {
      if (!this.playing) return;
      if (this.frame >= this.last) {
        if (!this.loop) return void this.pause();
        this.seek(this.first);
      } else this.seek(this.frame + 1);
      this.#wait();
    }, Math.max(1, (1000 * (next - this.times[this.frame])) / this.rate));
  }

  setRate(rate) {
    this.rate = rate;
  }

  pause() {
    clearTimeout(this.timer);
    this.playing = false;
    this.onstate();
  }

  destroy() {
    clearTimeout(this.timer);
  }
}
