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

// The picture that a video shows right now, and which frame it is. A callback may come when the video has moved on: only
// the picture itself knows (WebCodecs). null where a browser, or a page that is not trusted, cannot tell.
function capture(video, times) {
  if (typeof VideoFrame === "undefined" || video.readyState < 2) return null;
  try {
    const image = new VideoFrame(video);
    return { image, frame: nearestFrame(times, image.timestamp / 1e6) };
  } catch {
    return null;
  }
}

const PATIENCE = 300; // milliseconds: a browser that never tells which frame it shows is believed after that

export class VideoClock extends Clock {
  constructor(video, times, end, callbacks) {
    super(times, end, callbacks);
    this.video = video;
    this.wanted = 0;
    this.going = null; // the frame that a seek under way leads to
    this.arrived = false; // the seek is over, as far as the browser says
    this.onscreen = -1; // the frame that the browser last said to have put on the screen
    this.events = {
      seeked: () => this.#seeked(),
      ended: () => this.#ended(),
      loadeddata: () => this.going === null && !this.playing && this.seek(this.wanted),
      error: () => callbacks.onerror?.(video.error),
    };
    for (const [name, listener] of Object.entries(this.events)) video.addEventListener(name, listener);
    this.#listen();
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
    this.arrived = false;
    this.video.currentTime = this.middle(this.going);
  }

  // A seek is over when the browser says so and has put the frame on the screen. It says only one of the two when the
  // frame was there already; and the other way round, "seeked" may come while the frame before is still there.
  #seeked() {
    if (this.going === null) return;
    this.arrived = true;
    const shown = this.capture();
    shown?.image.close();
    if ((shown?.frame ?? this.onscreen) === this.going) return void this.#settle();
    const going = this.going;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.going === going && this.arrived && this.#settle(), PATIENCE);
  }

  #settle() {
    clearTimeout(this.waiting);
    const reached = this.going;
    this.going = null;
    this.#show(reached);
    // Keys may repeat faster than a seek: only the last one counts.
    if (this.wanted !== reached) this.#go();
    else if (this.playing && this.video.paused) this.#resume();
  }

  #show(frame, image = null) {
    this.frame = frame;
    this.onframe(frame, image);
  }

  // {image, frame} of what is on the screen, or null. The image is to be closed.
  capture() {
    return capture(this.video, this.times);
  }

  #listen() {
    this.video.requestVideoFrameCallback((_, { mediaTime }) => {
      if (this.gone) return;
      this.#listen();
      this.onscreen = nearestFrame(this.times, mediaTime);
      if (this.going !== null) {
        if (this.arrived && this.onscreen === this.going) this.#settle();
      } else if (this.playing) {
        if (this.onscreen > this.last || this.onscreen < this.first) this.#again();
        else this.#playOn();
      }
    });
  }

  #playOn() {
    const shown = this.capture();
    const frame = this.clamp(shown?.frame ?? this.onscreen);
    // By now it may be past the end of a loop: what was heard of first is over, the next call sees to it.
    if (frame >= this.first && frame <= this.last) {
      this.wanted = frame;
      this.#show(frame, shown?.image);
    }
    shown?.image.close();
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.onstate();
    if (this.frame >= this.last || this.frame < this.first) this.seek(this.first);
    else this.#resume();
  }

  #resume() {
    this.video.playbackRate = this.rate;
    this.video.play().catch(() => this.pause());
  }

  setRate(rate) {
    this.rate = rate;
    this.video.playbackRate = rate;
  }

  #again() {
    this.video.pause();
    if (this.loop) this.seek(this.first);
    else this.pause();
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
    this.playing = false;
    this.video.pause();
    this.onstate();
    // The decoder may be ahead of what was drawn last: bring it back to exactly that.
    this.seek(this.wanted);
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.waiting);
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
