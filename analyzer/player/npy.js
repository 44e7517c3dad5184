// Arrays on the other side of a wire, read piece by piece along their first axis (time).

const KINDS = { "|u1": [Uint8Array, 1], "<f2": [Uint16Array, 2], "<f4": [Float32Array, 4], "<f8": [Float64Array, 8] };
const PIECE = 4 << 20; // bytes of one request
const BUDGET = 96 << 20; // bytes of all arrays together

export function parseHeader(bytes) {
  if (bytes.length < 12 || bytes[0] !== 0x93 || bytes[1] !== 0x4e) throw new Error("not an .npy file");
  const wide = bytes[6] >= 2;
  const length = wide ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true) : bytes[8] | (bytes[9] << 8);
  const start = wide ? 12 : 10;
  const text = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  const dtype = /'descr':\s*'([^']+)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  if (!KINDS[dtype] || shape === undefined) throw new Error(`an array of a kind that is not read here: ${text.trim()}`);
  return { dtype, shape: shape.split(",").map((part) => part.trim()).filter(Boolean).map(Number), offset: start + length };
}

let halves = null; // float16 bits -> number
export function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) halves[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) halves[bits] = fraction ? NaN : sign * Infinity;
    else halves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return halves;
}

export async function inflate(source) {
  const coded = source.gzip ?? source.base64;
  const bytes = Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
  if (!source.gzip) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Shared by all arrays of a player: what was looked at longest ago goes first.
export class Memory {
  constructor(budget = BUDGET) {
    this.budget = budget;
    this.used = 0;
    this.pieces = new Map(); // in order of last use
    this.onerror = null; // told of what could not be fetched
  }

  keep(key, bytes, drop) {
    this.used += bytes;
    this.pieces.set(key, { bytes, drop });
    for (const [oldest, piece] of this.pieces) {
      if (this.used <= this.budget || oldest === key) break;
      this.forget(oldest);
      piece.drop();
    }
  }

  touch(key) {
    const piece = this.pieces.get(key);
    if (!piece) return;
    this.pieces.delete(key);
    this.pieces.set(key, piece);
  }

  forget(key) {
    const piece = this.pieces.get(key);
    if (!piece) return;
    this.pieces.delete(key);
    this.used -= piece.bytes;
  }
}

let serial = 0;

export class RemoteArray {
  constructor(source, memory) {
    this.source = source;
    this.memory = memory;
    this.key = serial++;
    this.shape = null;
    this.pieces = new Map(); // number -> typed array, or the promise of one
    this.opening = null;
  }

  async open() {
    this.opening ??= this.#open();
    await this.opening;
    return this;
  }

  async #open() {
    let first;
    if (typeof this.source === "string") {
      first = await this.#fetch(0, PIECE);
    } else {
      this.inline = await inflate(this.source);
      first = this.inline;
    }
    const { dtype, shape, offset } = parseHeader(first);
    [this.Kind, this.bytesEach] = KINDS[dtype];
    this.offset = offset;
    this.rowLength = shape.slice(1).reduce((a, b) => a * b, 1);
    this.rowBytes = this.rowLength * this.bytesEach;
    this.rowsEach = this.inline ? Math.max(1, shape[0]) : Math.max(1, Math.floor(PIECE / Math.max(1, this.rowBytes)));
    this.shape = shape;
    // What came along with the header is not asked for again.
    const whole = Math.min(shape[0], this.rowsEach);
    if (first.length >= offset + whole * this.rowBytes) this.#store(0, first.subarray(offset, offset + whole * this.rowBytes));
  }

  async #fetch(from, length) {
    const answer = await fetch(this.source, { headers: { Range: `bytes=${from}-${from + length - 1}` } });
    if (!answer.ok) throw new Error(`The server answered ${answer.status} for ${this.source}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return answer.status === 206 ? bytes : bytes.subarray(from, from + length);
  }

  #store(number, bytes) {
    // Copied only where it does not start where this kind of number may start.
    const aligned = bytes.byteOffset % this.bytesEach === 0 ? bytes : bytes.slice();
    const values = new this.Kind(aligned.buffer, aligned.byteOffset, aligned.byteLength / this.bytesEach);
    this.pieces.set(number, values);
    this.memory?.keep(`${this.key}/${number}`, values.byteLength, () => this.pieces.delete(number));
    return values;
  }

  #failed(error) {
    this.opening = this.shape ? this.opening : null; // to be tried again when it is asked for again
    this.memory?.onerror?.(error);
  }

  get pieceCount() {
    return Math.ceil(this.shape[0] / this.rowsEach);
  }

  async piece(number) {
    await this.open();
    const have = this.pieces.get(number);
    if (have) {
      this.memory?.touch(`${this.key}/${number}`);
      return have;
    }
    const from = number * this.rowsEach;
    const rows = Math.min(this.rowsEach, this.shape[0] - from);
    const start = this.offset + from * this.rowBytes;
    const loading = (async () => {
      const bytes = this.inline
        ? this.inline.subarray(start, start + rows * this.rowBytes)
        : await this.#fetch(start, rows * this.rowBytes);
      return this.#store(number, bytes);
    })();
    this.pieces.set(number, loading);
    loading.catch(() => this.pieces.delete(number));
    return loading;
  }

  // The row if it is here, else null; `arrive` is called once it is.
  row(index, arrive = null) {
    if (!this.shape) {
      if (arrive) this.open().then(arrive, (error) => this.#failed(error));
      return null;
    }
    const number = Math.floor(index / this.rowsEach);
    const have = this.pieces.get(number);
    if (!have || have instanceof Promise) {
      if (arrive) this.piece(number).then(arrive, (error) => this.#failed(error));
      return null;
    }
    this.memory?.touch(`${this.key}/${number}`);
    const at = (index - number * this.rowsEach) * this.rowLength;
    return have.subarray(at, at + this.rowLength);
  }

  async whole() {
    await this.open();
    const all = new this.Kind(this.shape[0] * this.rowLength);
    for (let number = 0; number < this.pieceCount; number++) {
      all.set(await this.piece(number), number * this.rowsEach * this.rowLength);
    }
    return all;
  }

  release() {
    for (const number of this.pieces.keys()) this.memory?.forget(`${this.key}/${number}`);
    this.pieces.clear();
  }
}
