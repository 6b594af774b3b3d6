/** Shortens speech by one period of the voice, so that nobody hears it. */

/** Periods of voices from 400 down to 70 Hz, at 24 kHz. */
const SHORTEST = 60;
const LONGEST = 340;
const COMPARED = 160;
const FADE = 120;
const NEEDED = LONGEST + Math.max(COMPARED, FADE);

/** Leaves out the period whose ends are most alike, and returns how many samples it had: 0 if there is too little. */
export function leaveOutPeriod(stock) {
  const ahead = stock.peek(NEEDED);
  if (ahead.length < NEEDED) return 0;
  const period = periodOf(ahead);
  for (let index = 0; index < FADE; index++) {
    const part = (index + 1) / (FADE + 1);
    ahead[period + index] = ahead[index] * (1 - part) + ahead[period + index] * part;
  }
  stock.take(period);
  return period;
}

/** The lag at which the samples are most like themselves. In silence that is any: the longest. */
export function periodOf(samples) {
  let best = LONGEST;
  let bestLikeness = 0;
  for (let lag = SHORTEST; lag <= LONGEST; lag += 2) {
    const likeness = likenessAt(samples, lag);
    if (likeness > bestLikeness) {
      best = lag;
      bestLikeness = likeness;
    }
  }
  return best;
}

function likenessAt(samples, lag) {
  let product = 0;
  let energy = 1e-6;
  for (let index = 0; index < COMPARED; index++) {
    const other = samples[lag + index];
    product += samples[index] * other;
    energy += other * other;
  }
  return product / Math.sqrt(energy);
}
