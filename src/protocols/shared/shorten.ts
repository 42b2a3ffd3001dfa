/** Enough to know one's own text again. */
const MOST = 128;

/** What a peer sent, as far as it is worth sending back: an answer may not be many times as long as its request. */
export function shorten(text: string): string {
  return text.length <= MOST ? text : `${text.slice(0, MOST)}…`;
}
