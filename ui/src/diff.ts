/** Compares two texts line by line. The result, without its removed lines, is the text after; without its added lines, the text before. */

export interface Line {
  kind: "same" | "added" | "removed";
  text: string;
}

export type Row = Line | { kind: "gap"; count: number };

/** Above this many cells the exact comparison would be felt; the middle is then shown as replaced. */
const MOST_CELLS = 4_000_000;

export function diffLines(before: string, after: string): Line[] {
  const a = split(before);
  const b = split(after);
  const head = commonHead(a, b);
  const tail = commonTail(a.slice(head), b.slice(head));
  return [
    ...a.slice(0, head).map(as("same")),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(as("same")),
  ];
}

/** Keeps `context` unchanged lines around each change and folds the others into gaps. */
export function fold(lines: Line[], context = 3): Row[] {
  const rows: Row[] = [];
  let start = 0;
  while (start < lines.length) {
    const end = endOfRun(lines, start);
    const run = lines.slice(start, end);
    const before = start === 0 ? 0 : context;
    const after = end === lines.length ? 0 : context;
    const hidden = run.length - before - after;
    // Folding a single line would take as much room as showing it.
    if (run[0]?.kind !== "same" || hidden < 2) rows.push(...run);
    else rows.push(...run.slice(0, before), { kind: "gap", count: hidden }, ...run.slice(run.length - after));
    start = end;
  }
  return rows;
}

export function countChanges(lines: Line[]): { added: number; removed: number } {
  const count = (kind: Line["kind"]) => lines.filter((line) => line.kind === kind).length;
  return { added: count("added"), removed: count("removed") };
}

function split(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

const as = (kind: Line["kind"]) => (text: string) => ({ kind, text });

function commonHead(a: string[], b: string[]): number {
  let count = 0;
  while (count < a.length && count < b.length && a[count] === b[count]) count += 1;
  return count;
}

function commonTail(a: string[], b: string[]): number {
  return commonHead([...a].reverse(), [...b].reverse());
}

function endOfRun(lines: Line[], start: number): number {
  const same = lines[start]?.kind === "same";
  let end = start + 1;
  while (end < lines.length && (lines[end]?.kind === "same") === same) end += 1;
  return end;
}

/** The longest common subsequence, walked from the front; removed lines come before added ones. */
function middle(a: string[], b: string[]): Line[] {
  if (a.length * b.length > MOST_CELLS) return [...a.map(as("removed")), ...b.map(as("added"))];
  const common = commonLengths(a, b);
  const width = b.length + 1;
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const removed = a[i];
    const added = b[j];
    if (removed !== undefined && removed === added) {
      lines.push({ kind: "same", text: removed });
      i += 1;
      j += 1;
    } else if (removed !== undefined && (added === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: "removed", text: removed });
      i += 1;
    } else if (added !== undefined) {
      lines.push({ kind: "added", text: added });
      j += 1;
    }
  }
  return lines;
}

/** For each pair of positions, how many lines the rests have in common. */
function commonLengths(a: string[], b: string[]): Uint32Array {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const below = table[(i + 1) * width + j] ?? 0;
      const right = table[i * width + j + 1] ?? 0;
      const both = table[(i + 1) * width + j + 1] ?? 0;
      table[i * width + j] = a[i] === b[j] ? both + 1 : Math.max(below, right);
    }
  }
  return table;
}
