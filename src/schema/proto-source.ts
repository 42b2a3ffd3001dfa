import protobuf from "protobufjs";

/** The text with comments replaced by spaces, so that a search finds only what counts; offsets stay. */
export function withoutComments(source: string): string {
  const token = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return source.replace(token, (text) => (text[0] === "/" ? text.replace(/[^\n]/g, " ") : text));
}

/** Where `token` stands in a line or, as a parser may have read ahead, in one shortly before; else the line's text. */
export function offsetOfToken(source: string, line: number, token: string | undefined): number {
  const text = withoutComments(source);
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const last = Math.min(line, starts.length) - 1;
  for (let i = last; token !== undefined && i >= 0; i--) {
    const lineText = text.slice(starts[i], starts[i + 1]);
    const match = wholeToken(token).exec(lineText);
    if (match !== null) return starts[i] + match.index;
  }
  return starts[last] + Math.max(0, text.slice(starts[last]).search(/\S/));
}

/** Where `message X {`, `enum X`, `service X` … begins, at its name; the last one of the file when there are several. */
export function offsetOfDefinition(source: string, name: string): number | undefined {
  const pattern = new RegExp(
    `\\b(?:message|enum|service|oneof|group|extend)\\s+(${escapePattern(name)})\\b`,
    "g",
  );
  const last = [...withoutComments(source).matchAll(pattern)].at(-1);
  return last === undefined ? undefined : last.index + last[0].length - name.length;
}

/** Where a field or enum value with this name stands after `from`; the second, when it is there twice. */
export function offsetOfMember(source: string, from: number, name: string): number | undefined {
  const members = [
    ...withoutComments(source)
      .slice(from)
      .matchAll(/\b([A-Za-z_]\w*)\s*=/g),
  ];
  const same = members.filter(([, word]) => word === name || protobuf.util.camelCase(word) === name);
  const match = same[1] ?? same[0];
  return match === undefined ? undefined : from + match.index;
}

/** Where a pattern matches after `from`; the second time, when it does twice. */
export function offsetOfRepeat(source: string, from: number, pattern: RegExp): number | undefined {
  const matches = [...withoutComments(source).slice(from).matchAll(new RegExp(pattern, "g"))];
  const match = matches[1] ?? matches[0];
  return match === undefined
    ? undefined
    : from + match.index + match[0].length - (match[1] ?? match[0]).length;
}

/** Where a word stands as a whole token after `from`. */
export function offsetOfWord(source: string, from: number, word: string): number | undefined {
  const match = wholeToken(word).exec(withoutComments(source).slice(from));
  return match === null ? undefined : from + match.index;
}

function wholeToken(token: string): RegExp {
  return new RegExp(
    /^[\w.]+$/.test(token) ? `(?<![\\w.])${escapePattern(token)}(?![\\w.])` : escapePattern(token),
  );
}

/** The text as a pattern that matches just it. */
export function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
