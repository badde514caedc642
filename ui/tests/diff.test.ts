import { expect, test } from "vitest";
import { countChanges, diffLines, fold, type Line, type Row } from "../src/diff";

/** "-gone", "+new", " kept", "~7" for a gap of seven lines. */
function signs(rows: Row[]): string[] {
  const sign = { same: " ", added: "+", removed: "-" };
  return rows.map((row) => (row.kind === "gap" ? `~${row.count}` : sign[row.kind] + row.text));
}

const rows: { name: string; before: string; after: string; expected: string[] }[] = [
  { name: "equal texts have no changes", before: "a\nb\n", after: "a\nb\n", expected: [" a", " b"] },
  { name: "a new file is added as a whole", before: "", after: "a\nb\n", expected: ["+a", "+b"] },
  { name: "an emptied file is removed as a whole", before: "a\n", after: "", expected: ["-a"] },
  { name: "an insertion leaves its neighbours", before: "a\nc", after: "a\nb\nc", expected: [" a", "+b", " c"] },
  {
    name: "a removed line comes before its successor",
    before: "a\nb\nc",
    after: "a\nB\nc",
    expected: [" a", "-b", "+B", " c"],
  },
  {
    name: "kept lines between changes are found",
    before: "a\nx\nb",
    after: "A\nx\nB",
    expected: ["-a", "+A", " x", "-b", "+B"],
  },
  { name: "line ends of Windows are not a change", before: "a\r\nb\r\n", after: "a\nb\n", expected: [" a", " b"] },
  { name: "repeated lines are matched once each", before: "}\n}", after: "}\n}\n}", expected: [" }", " }", "+}"] },
];

test.each(rows)("$name", ({ before, after, expected }) => {
  expect(signs(diffLines(before, after)), "the comparison").toEqual(expected);
});

test("a comparison holds both texts", () => {
  const before = Array.from({ length: 60 }, (_, n) => `line ${(n * 7) % 13}`);
  const after = Array.from({ length: 70 }, (_, n) => `line ${(n * 5) % 11}`);
  const lines = diffLines(before.join("\n"), after.join("\n"));
  const without = (kind: Line["kind"]) => lines.filter((line) => line.kind !== kind).map((line) => line.text);
  expect(without("added"), "the text before").toEqual(before);
  expect(without("removed"), "the text after").toEqual(after);
});

test("texts too large for an exact comparison are shown as replaced", () => {
  const before = Array.from({ length: 3000 }, (_, n) => `before ${n}`).join("\n");
  const after = Array.from({ length: 3000 }, (_, n) => `after ${n}`).join("\n");
  expect(countChanges(diffLines(before, after)), "the count").toEqual({ added: 3000, removed: 3000 });
});

test("unchanged lines far from a change are folded", () => {
  const before = Array.from({ length: 20 }, (_, n) => `${n}`);
  const after = [...before.slice(0, 10), "new", ...before.slice(10)];
  const folded = fold(diffLines(before.join("\n"), after.join("\n")), 2);
  expect(signs(folded), "two lines on each side").toEqual(["~8", " 8", " 9", "+new", " 10", " 11", "~8"]);
});

test("a single unchanged line is shown and not folded", () => {
  const folded = fold(diffLines("a\nb\nc\nd", "a\nb\nc\nD"), 2);
  expect(signs(folded), "the line a stays").toEqual([" a", " b", " c", "-d", "+D"]);
});
