/** Keeps what both sides said, as it was heard here, for a file: the user left, the machine right. */

export const RATE_HZ = 24_000;
const MOST_S = 30 * 60;
const JITTER = RATE_HZ / 25;
const HEADER_BYTES = 44;

/** Silence is not kept. Overflow: beyond half an hour nothing more is. */
export class Recording {
  constructor() {
    this._sides = { user: [], machine: [] };
    this._began = null;
    this._ends = { user: 0, machine: 0 };
    this.events = [];
  }

  get hasSound() {
    return this._began !== null;
  }

  /** 16-bit samples of a side that were heard from `time` on. */
  hear(side, pcm, time) {
    this._began ??= time;
    const wanted = Math.round(((time - this._began) * RATE_HZ) / 1000);
    // Pieces that nearly touch do: the clocks that tell their times are less even than the sound.
    const at = Math.abs(wanted - this._ends[side]) < JITTER ? this._ends[side] : Math.max(0, wanted);
    if (at + pcm.length > MOST_S * RATE_HZ) return;
    this._ends[side] = at + pcm.length;
    if (pcm.some((sample) => sample)) this._sides[side].push({ at, pcm });
  }

  note(event, time) {
    this.events.push({ at_ms: Math.round(time), ...event });
  }

  /** A stereo WAV file, as an ArrayBuffer. */
  wav() {
    const length = Math.max(this._ends.user, this._ends.machine);
    const file = new ArrayBuffer(HEADER_BYTES + 4 * length);
    writeHeader(new DataView(file), length);
    const samples = new Int16Array(file, HEADER_BYTES);
    Object.values(this._sides).forEach((pieces, channel) => {
      for (const { at, pcm } of pieces) {
        for (let index = 0; index < pcm.length; index++) samples[2 * (at + index) + channel] = pcm[index];
      }
    });
    return file;
  }
}

function writeHeader(view, length) {
  const bytes = 4 * length;
  const words = (offset, text) => [...text].forEach((letter, index) => view.setUint8(offset + index, letter.charCodeAt(0)));
  words(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + bytes, true);
  words(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 2, true);
  view.setUint32(24, RATE_HZ, true);
  view.setUint32(28, RATE_HZ * 4, true);
  view.setUint16(32, 4, true);
  view.setUint16(34, 16, true);
  words(36, "data");
  view.setUint32(40, bytes, true);
}

/** Hands a file to the user. */
export function save(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
