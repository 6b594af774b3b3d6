/** 16-bit samples as the protocol carries them: base64, little endian, as every machine with a browser is. */

/** Int16Array to base64. */
export function toBase64(samples) {
  return btoa(String.fromCharCode(...new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)));
}

/** Base64 to Int16Array. */
export function fromBase64(text) {
  const bytes = atob(text);
  const samples = new Int16Array(bytes.length >> 1);
  for (let index = 0; index < samples.length; index++) {
    const word = bytes.charCodeAt(2 * index) | (bytes.charCodeAt(2 * index + 1) << 8);
    samples[index] = (word << 16) >> 16;
  }
  return samples;
}
