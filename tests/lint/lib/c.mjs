// As much of C's grammar as the checks need. The views keep every line and column in its place.

const blank = (text) => text.replace(/[^\n\t]/g, " ");
const literal = /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/;
const comment = /\/\*[^]*?(?:\*\/|$)|\/\/(?:[^\n\\]|\\[^])*/;
const either = new RegExp(`${comment.source}|${literal.source}`, "g");

export function withoutComments(text) {
  return text.replace(either, (part) => (part[0] === "/" ? blank(part) : part));
}

export function withoutLiterals(text) {
  return text.replace(new RegExp(literal.source, "g"),
    (part) => part[0] + blank(part.slice(1, -1)) + part.at(-1));
}

export function withoutDirectives(text) {
  return text.replace(/^[ \t]*#(?:[^\n\\]|\\[^])*/gm, blank);
}

const tokenPattern = /[A-Za-z_]\w*|\d[\w.]*|&&|\|\||->|\+\+|--|[<>=!]=|"[^"]*"|'[^']*'|[^\s\w]/g;

export function tokens(statements) {
  const list = [];
  let line = 1;
  let seen = 0;
  for (const match of statements.matchAll(tokenPattern)) {
    for (; seen < match.index; seen++) if (statements[seen] === "\n") line++;
    list.push({ text: match[0], line, at: match.index });
  }
  return list;
}

const isName = (token) => token !== undefined && /^[A-Za-z_]/.test(token.text);

// The index after the bracket that closes the one at `open`; beyond the end when nothing does.
export function pastBracket(list, open) {
  const pairs = { "(": ")", "{": "}", "[": "]" };
  const close = pairs[list[open].text];
  let depth = 0;
  for (let i = open; i < list.length; i++) {
    if (list[i].text === list[open].text) depth++;
    else if (list[i].text === close && --depth === 0) return i + 1;
  }
  return list.length + 1;
}

function parameterCount(list, open, end) {
  if (end - open === 2) return 0;
  if (end - open === 3 && list[open + 1].text === "void") return 0;
  let depth = 0;
  let count = 1;
  for (let i = open; i < end - 1; i++) {
    if ("([{".includes(list[i].text)) depth++;
    else if (")]}".includes(list[i].text)) depth--;
    else if (list[i].text === "," && depth === 1) count++;
  }
  return count;
}

// A definition's head: the tokens since the last one ended. Its name stands before the first bracket.
function head(list, start, brace) {
  let open = start;
  while (open < brace && list[open].text !== "(") {
    if (list[open].text === "=") return null;
    open++;
  }
  const skips = new Set(["__attribute__", "_Alignas", "__declspec"]);
  if (open < brace && isName(list[open - 1]) && skips.has(list[open - 1].text)) {
    return head(list, pastBracket(list, open), brace);
  }
  if (open >= brace || open === start || !isName(list[open - 1])) return null;
  const end = pastBracket(list, open);
  let name = list[open - 1];
  // check's START_TEST(name) is a function of that name
  if (/^[A-Z_]+$/.test(name.text) && end - open === 3 && isName(list[open + 1])) name = list[open + 1];
  return { name: name.text, line: name.line, params: parameterCount(list, open, end) };
}

// Every function with its line, length, parameters and body tokens. `unbalanced` is the line of a brace
// that nothing closes (as where both branches of an #if open one), else 0.
export function functions(statements) {
  const list = tokens(statements);
  const found = [];
  let start = 0;
  let unbalanced = 0;
  for (let i = 0; i < list.length; i++) {
    const text = list[i].text;
    if (text === ";") start = i + 1;
    if (text === "(") i = pastBracket(list, i) - 1;
    if (text !== "{") continue;
    const end = pastBracket(list, i);
    if (end > list.length) unbalanced ||= list[i].line;
    const about = end > list.length ? null : head(list, start, i);
    if (about) {
      const last = list[end - 1].line;
      found.push({ ...about, last, length: last - about.line + 1, body: list.slice(i, end) });
      start = end;
    }
    i = end - 1;
  }
  return { found, unbalanced };
}

// The deepest control statement of a function body; `else if` goes no deeper than its if.
export function nesting(body) {
  let deepest = 0;
  const note = (depth) => { deepest = Math.max(deepest, depth); };

  function block(i, depth) {
    i++;
    while (i < body.length && body[i].text !== "}") i = statement(i, depth);
    return i + 1;
  }
  function controlled(i, depth) {
    note(depth + 1);
    return statement(i, depth + 1);
  }
  function expression(i, depth) {
    const first = i;
    while (i < body.length && body[i].text !== ";" && body[i].text !== "}") {
      const text = body[i].text;
      if (text === "(" || text === "[") i = pastBracket(body, i);
      else if (text === ":" && i - first === 1 && isName(body[first])) return i + 1;
      else if (text === "{") {
        // LIST_FOREACH(…) { is a loop; = { and (struct x){ are values
        const loop = i > first + 1 && isName(body[first]) && pastBracket(body, first + 1) === i;
        if (loop) {
          note(depth + 1);
          return block(i, depth + 1);
        }
        i = pastBracket(body, i);
      } else i++;
    }
    return body[i]?.text === ";" ? i + 1 : i;
  }
  function statement(i, depth) {
    switch (body[i].text) {
      case "{":
        return block(i, depth);
      case "if": {
        let next = controlled(pastBracket(body, i + 1), depth);
        if (body[next]?.text !== "else") return next;
        next++;
        return body[next].text === "if" ? statement(next, depth) : controlled(next, depth);
      }
      case "for":
      case "while":
      case "switch":
        return controlled(pastBracket(body, i + 1), depth);
      case "do": {
        const next = controlled(i + 1, depth);
        return pastBracket(body, next + 1) + 1;
      }
      case "case": {
        while (body[i].text !== ":") i++;
        return i + 1;
      }
      case "default":
        return i + 2;
      default:
        return expression(i, depth);
    }
  }
  block(0, 0);
  return deepest;
}

// Paths through a body. Labels that share one piece of code are one path.
export function cyclomatic(body) {
  const forks = new Set(["if", "for", "while", "&&", "||", "?"]);
  let count = 1;
  for (let i = 0; i < body.length; i++) {
    if (forks.has(body[i].text)) count++;
    if (body[i].text !== "case") continue;
    let end = i;
    while (body[end].text !== ":") end++;
    if (body[end + 1]?.text !== "case" && body[end + 1]?.text !== "default") count++;
  }
  return count;
}
