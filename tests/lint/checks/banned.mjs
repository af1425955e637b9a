// Calls that no room makes, each with what to use instead (style.md §8).
import { functions } from "../lib/c.mjs";
import { lineOf } from "../lib/tree.mjs";

const anywhere = () => true;
const notTests = (path) => !path.startsWith("tests/");
const outsideCore = (path) => notTests(path) && !/^core\//.test(path);

const rows = [
  [/strcpy|stpcpy|strcat|strncpy|strncat|stpncpy/, anywhere, "buf_put_text, or arena_text for a copy"],
  [/v?sprintf/, anywhere, "snprintf with its result checked, or buf_printf"],
  [/strtok(?:_r)?/, anywhere, "a cursor or core/text"],
  [/ato[ifl]|atoll|strto[dfl]|strtold|strtoll|strtou?ll?|strto[iu]max/, anywhere,
    "the number readers of core/text, which refuse rubbish and overflow"],
  [/gets|v?f?scanf|v?sscanf/, anywhere, "read a bounded line, then a cursor"],
  [/system|popen/, anywhere, "posix_spawn with an argument vector"],
  [/alloca/, anywhere, "arena_alloc"],
  [/malloc|calloc|realloc|reallocarray|strn?dup|v?asprintf/, outsideCore,
    "mem_new, arena, buf or secret"],
  [/time|gettimeofday|ftime/, anywhere, "core/clock"],
  [/rand|srand|random|srandom|rand_r|drand48/, anywhere, "randombytes_buf"],
  [/signal|bsd_signal/, anywhere, "uv_signal, signalfd or sigaction"],
  [/assert/, notTests, "an error return; _Static_assert for what the compiler can see"],
].map(([names, where, use]) => ({
  pattern: new RegExp(`(?<![\\w.>])(?:${names.source})(?=\\s*\\()`, "g"), where, use,
}));

const compare = /\b(memcmp|strcmp|strncmp|strcasecmp|strncasecmp|bcmp)\s*\(([^;]*?)\)\s*(?=[;)=!<>&|?,])/g;
const secretName = /(?:^|[^A-Za-z0-9"])\w*(?:secret|token|passw|verifier)\w*/i;

function calls(tree, path) {
  const findings = [];
  const text = tree.c(path, "code");
  for (const { pattern, where, use } of rows) {
    if (!where(path)) continue;
    for (const match of text.matchAll(pattern)) {
      findings.push({
        file: path, line: lineOf(text, match.index), subject: match[0],
        text: `${match[0]}() is banned`, fix: `use ${use}`,
      });
    }
  }
  for (const match of text.matchAll(compare)) {
    if (!secretName.test(match[2])) continue;
    findings.push({
      file: path, line: lineOf(text, match.index), subject: match[1],
      text: `${match[1]}() on what is named a secret`,
      fix: "use secret_equal or sodium_memcmp, which take the same time wherever the difference is",
    });
  }
  return findings;
}

// Enumerators of our own enums, by name and by the prefix that an X-macro pastes (KERR_##name).
function enumerators(tree) {
  const names = new Set();
  const prefixes = new Set();
  for (const path of tree.cFiles()) {
    for (const match of tree.c(path, "code").matchAll(/\benum\b\s*\w*\s*\{([^}]*)\}/g)) {
      for (const name of match[1].matchAll(/(?:^|[,\n])\s*([A-Z]\w*)/g)) names.add(name[1]);
      for (const paste of match[1].matchAll(/\b([A-Z]\w*_)##/g)) prefixes.add(paste[1]);
    }
  }
  return { has: (name) => names.has(name) || [...prefixes].some((prefix) => name.startsWith(prefix)) };
}

function switches(body, visit) {
  const open = [];
  let depth = 0;
  body.forEach((token, i) => {
    if (token.text === "{") depth++;
    if (token.text === "}" && open.at(-1)?.depth === depth--) visit(open.pop());
    if (token.text === "switch") open.push({ depth: depth + 1, cases: [], fallback: null });
    if (token.text === "case") open.at(-1)?.cases.push(body[i + 1].text);
    if (token.text === "default" && body[i + 1]?.text === ":" && open.length) open.at(-1).fallback = token;
  });
}

export async function run(tree) {
  const findings = tree.cFiles().flatMap((path) => calls(tree, path));
  const ours = enumerators(tree);
  for (const path of tree.sources()) {
    for (const { name, body } of functions(tree.c(path, "statements")).found) {
      switches(body, ({ cases, fallback }) => {
        if (!fallback || !cases.some((label) => ours.has(label))) return;
        findings.push({
          file: path, line: fallback.line, subject: `${name}:default`,
          text: "default: in a switch over one of our enums",
          fix: "name every enumerator, so that -Wswitch-enum reports a new one that nobody thought of",
        });
      });
    }
  }
  return { findings };
}
