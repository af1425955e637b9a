// Who may include whom, and one door file for each foreign library.
import { dirname } from "node:path";
import { may, doors, roomOf, systemHeader } from "../lib/matrix.mjs";
import { lineOf } from "../lib/tree.mjs";

function includes(tree, path) {
  const text = tree.c(path, "directives");
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]/gm)].map((match) => ({
    foreign: match[1] === "<", name: match[2], line: lineOf(text, match.index),
  }));
}

function own(tree, path, include) {
  const at = { file: path, line: include.line, subject: include.name };
  const from = roomOf(path);
  const generated = /\.(inc|gen\.h)$/.test(include.name) || include.name.startsWith("generated/");
  if (!generated && !tree.known.has(include.name)) {
    return {
      ...at, text: `"${include.name}" is no file of the tree`,
      fix: "name it from the root, as in #include \"core/buf.h\"; foreign headers stand in <>",
    };
  }
  const to = roomOf(include.name);
  if (from === to || !may[from] || may[from].includes("*") || may[from].includes(to)) return null;
  return {
    ...at, text: `${from} may not include ${to}`,
    fix: `${from} may include: ${may[from].join(", ") || "nothing but itself"} (design.md §2)`,
  };
}

function foreign(path, include, users) {
  const at = { file: path, line: include.line, subject: include.name };
  const door = doors.find((row) => row.header.test(include.name));
  if (!door) {
    if (systemHeader.test(include.name)) return null;
    return {
      ...at, text: `<${include.name}> is a foreign library that the house does not know`,
      fix: "argue it in docs/decisions/, then give it a row in tests/lint/lib/matrix.mjs",
    };
  }
  const place = door.places.find((pattern) => pattern.test(path));
  if (!place) {
    return {
      ...at, text: `<${include.name}> is not for ${roomOf(path)}`,
      fix: `it is included only in ${door.says}`,
    };
  }
  if (door.one) {
    const key = `${door.name} ${place}`;
    const first = users.get(key) ?? path;
    users.set(key, first);
    if (first !== path) {
      return {
        ...at, text: `<${include.name}> has a second door; the first is ${first}`,
        fix: `go through ${first} (${door.says})`,
      };
    }
  }
  return null;
}

// Rooms that include each other, directly or in a ring: one finding for each include that closes it.
function rings(edges) {
  const reaches = (from, to, seen = new Set()) => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return [...(edges.get(from)?.keys() ?? [])].some((next) => reaches(next, to, seen));
  };
  const findings = [];
  for (const [from, tos] of edges) {
    for (const [to, at] of tos) {
      if (reaches(to, from)) {
        findings.push({
          ...at, text: `rooms include each other: ${from} → ${to} → … → ${from}`,
          fix: "move what both need down into a third room, or pass it in as a parameter",
        });
      }
    }
  }
  return findings;
}

export async function run(tree) {
  const findings = [];
  const users = new Map();
  const edges = new Map();
  for (const path of tree.files.filter((p) => /\.([ch]|def)$/.test(p))) {
    const list = includes(tree, path);
    for (const include of list) {
      const finding = include.foreign ? foreign(path, include, users) : own(tree, path, include);
      if (finding) findings.push(finding);
      const from = dirname(path);
      const to = dirname(include.name);
      if (include.foreign || from === to || path.startsWith("tests/") || finding) continue;
      if (!edges.has(from)) edges.set(from, new Map());
      edges.get(from).set(to, { file: path, line: include.line, subject: include.name });
    }
    const header = path.replace(/\.c$/, ".h");
    if (path.endsWith(".c") && tree.known.has(header) && list.length && list[0].name !== header) {
      findings.push({
        file: path, line: list[0].line, subject: header, text: "its own header is not included first",
        fix: `put #include "${header}" before all others: that proves it stands alone`,
      });
    }
  }
  return { findings: [...findings, ...rings(edges)] };
}
