// A script of keys: one directive a line.
//   size 80x24 200x60     the sizes it is run at (these two when it does not say)
//   env NAME=VALUE        for the console
//   keys Down Enter       as tmux calls them
//   type TEXT             letter by letter
//   paste TEXT            as the terminal pastes
//   see TEXT              waits for it
//   screen NAME           must be golden/SCRIPT-SIZE-NAME.txt, exactly
//   knob NAME VALUE       of the stand-in: delay, lose, broken, gone
//   at-most N             keys and letters since the paste, the one before it too
//   exit N                the console has ended so
//   absent                no keyd at first
//   real                  against a keyd of its own, with the state of lib/real.mjs
// {leaked} is the secret that the stand-in knows, {foreign} one of another office, {key:3} the key of
// client 3 and {tail:3} its last four characters.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Terminal, sleep } from "./terminal.mjs";
import { startReal } from "./real.mjs";
import { startStandIn } from "../../support/stand_in_keyd.mjs";

export const update = Boolean(process.env.KEYD_UPDATE);

export function readScript(path) {
  const script = { steps: [], sizes: ["80x24", "200x60"], env: {} };
  readFileSync(path, "utf8").split("\n").forEach((row, index) => {
    const text = row.trim();
    if (!text || text.startsWith("#")) return;
    const [word, ...rest] = text.split(/\s+/);
    const whole = text.slice(word.length).trim();
    if (word === "size") script.sizes = rest;
    else if (word === "absent") script.absent = true;
    else if (word === "real") script.real = true;
    else if (word === "env") script.env[whole.split("=")[0]] = whole.split("=").slice(1).join("=");
    else script.steps.push({ word, rest, whole, line: index + 1 });
  });
  return script;
}

export function difference(wanted, got) {
  const a = wanted.split("\n");
  const b = got.split("\n");
  const lines = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i] !== b[i]) lines.push(`  line ${i + 1}`, `  - ${a[i] ?? ""}`, `  + ${b[i] ?? ""}`);
  }
  return lines.join("\n");
}

// What a real keyd makes by chance is masked, column by column.
const unmasked = (text) => text;
export const masked = (text) => text.replace(/\bkd[0-9A-Z]{22}\b/g, `kd${"K".repeat(22)}`)
  .replace(/\b\d{4}-\d\d-\d\dT[\d:]{8}Z/g, "YYYY-MM-DDThh:mm:ssZ").replace(/\b[0-9a-f]{32}\b/g, "(id)")
  .replace(/\b\d{4}-\d\d-\d\d \d\d:\d\d/g, "YYYY-MM-DD hh:mm").replace(/\b20\d\d\b/g, "YYYY")
  .replace(/^([> ] )\d+( +YYYY)/gm, "$1NN$2").replace(/\b(record|sequence +|records 1 to) ?\d+\b/g, "$1 NN")
  .replace(/\d+ signed heads/g, "N signed heads")
  .replace(/localhost:\d{4,5}/g, "localhost:PORT")
  .replace(/^kds_\S{60,}\n(\S)?$/gm, "(secret, broken)").replace(/^kds_\S{77}$/gm, "(secret)");

export async function compare(terminal, path, mask = unmasked) {
  if (update) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, mask(await terminal.still()));
    return;
  }
  if (!existsSync(path)) throw new Error(`${path} is missing: KEYD_UPDATE=1 writes it`);
  const wanted = readFileSync(path, "utf8");
  let got = "";
  await terminal.until((text) => { got = mask(text); return got === wanted; }, "golden screen")
    .catch(() => { throw new Error(`${path}:\n${difference(wanted, got)}`); });
}

const stand = { clients: 150000 };

async function step(context, { word, rest, whole }) {
  const { terminal, server, secrets } = context;
  const text = whole.replace(/\{(\w+)(?::(\d+))?\}/g, (all, name, id) => {
    if (name === "key") return server.state.client(Number(id)).key;
    if (name === "tail") return server.state.client(Number(id)).key.slice(-4);
    return server.secrets?.[name] ?? secrets[name] ?? all;
  });
  switch (word) {
    case "keys":
      context.keys += rest.length;
      context.before = rest.length;
      for (const key of rest) await terminal.keys(key);
      break;
    case "type":
      context.keys += text.length;
      await terminal.type(text);
      break;
    case "paste":
      context.keys = context.before;
      await terminal.paste(text);
      break;
    case "see":
      await terminal.see(text);
      break;
    case "screen":
      await compare(terminal, join(context.golden, `${context.name}-${context.size}-${whole}.txt`),
        context.server.mask);
      break;
    case "knob":
      if (rest[0] === "broken") server.state.broken = true;
      else if (rest[0] === "gone") await server.close();
      else if (rest[0] === "back") context.server = await startStandIn(context.socket, { ...stand, ...secrets });
      else server.knobs[rest[0]] = rest[0] === "delay" ? Number(rest[1]) : rest[1];
      break;
    case "at-most":
      if (context.keys > Number(whole)) throw new Error(`${context.keys} keys, at most ${whole}`);
      break;
    case "exit": {
      const status = await terminal.exit();
      if (status !== Number(whole)) throw new Error(`it ended with ${status}, not ${whole}`);
      break;
    }
    default:
      throw new Error(`no directive "${word}"`);
  }
}

// One script at one size. Throws what is wrong.
export async function runScript({ name, path, size, program, golden, secrets }) {
  const script = readScript(path);
  const [columns, rows] = size.split("x").map(Number);
  const terminal = new Terminal({ columns, rows, env: script.env });
  const socket = join(terminal.dir, "keyd.sock");
  const server = script.real ? await startReal() : await startStandIn(socket, { ...stand, ...secrets });
  if (script.absent) await server.close();
  const context = { terminal, server, socket, name, size, golden, secrets, keys: 0, before: 0 };
  try {
    await terminal.start([...(server.as ?? []), program, "--socket", server.socket ?? "keyd.sock"]);
    for (const one of script.steps) {
      await step(context, one).catch((error) => { throw new Error(`${path}:${one.line}: ${error.message}`); });
    }
    // Once for a form that is open, once for the console.
    for (let i = 0; i < 2 && !terminal.dead(); i++) {
      await terminal.keys("C-c");
      await sleep(50);
    }
    await terminal.exit();
    if (terminal.findings()) throw new Error(terminal.findings());
  } finally {
    await terminal.close();
    await context.server.close().catch(() => {});
  }
}
