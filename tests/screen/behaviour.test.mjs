// What no script of keys can say: sizes, colours, signals, a lost terminal, a lost answer, exports, what stays
// in memory.
import assert from "node:assert/strict";
import { existsSync, openSync, readFileSync, readSync, writeFileSync, closeSync } from "node:fs";
import { join } from "node:path";
import { Terminal, sleep } from "./lib/terminal.mjs";
import { startStandIn } from "../support/stand_in_keyd.mjs";

const here = new URL(".", import.meta.url).pathname;
const golden = (name) => readFileSync(join(here, "golden", `${name}.txt`), "utf8");

// The console before a stand-in; command makes something else of it (a shell, say).
async function inConsole(context, work, { size = {}, env = {}, command, build = "asan" } = {}) {
  const terminal = new Terminal({ ...size, env });
  const server = await startStandIn(join(terminal.dir, "keyd.sock"), { clients: 150000, ...context.secrets });
  const console_ = [context.programs[build], "--socket", "keyd.sock"];
  try {
    await terminal.start(command ? command(console_) : console_);
    await work(terminal, server);
    assert.equal(terminal.findings(), "");
  } finally {
    await terminal.close();
    await server.close().catch(() => {});
  }
}

const shell = (words) => ["bash", "--norc", "-c",
  `stty -g >before; ${words.map((word) => `'${word}'`).join(" ")}; echo "status $?"; stty -g >after; sleep 60`];

async function restored(terminal) {
  await terminal.see("status ");
  const dir = terminal.dir;
  await terminal.until(() => existsSync(join(dir, "after")) && readFileSync(join(dir, "after"), "utf8").length > 0, "stty");
  assert.equal(readFileSync(join(dir, "after"), "utf8"), readFileSync(join(dir, "before"), "utf8"), "the modes are others");
  assert.equal(await terminal.show("#{alternate_on} #{cursor_flag}"), "0 1", "still the other screen, or no cursor");
}

// Where a text is in the memory of a process.
function inMemory(pid, texts) {
  const found = [];
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    for (const row of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
      const match = /^([0-9a-f]+)-([0-9a-f]+) (r\S+) \S+ \S+ \S+\s*(.*)$/.exec(row);
      if (!match || match[4].startsWith("[v")) continue;
      const start = BigInt(`0x${match[1]}`);
      const bytes = Buffer.alloc(Number(BigInt(`0x${match[2]}`) - start));
      try {
        readSync(memory, bytes, 0, bytes.length, start);
      } catch {
        continue; // guard pages
      }
      for (const text of texts) if (bytes.includes(text)) found.push(`${text.slice(0, 4)}… in ${match[4] || "anonymous memory"}`);
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

// Two groups of it, as typed and without hyphens.
const piecesOf = (secret) => [secret.slice(10, 21), secret.slice(4).replaceAll("-", "").slice(5, 15)];

function needsRoot() {
  if (process.getuid() !== 0) throw Object.assign(new Error("root"), { skip: "only root may look into the console's memory" });
}

const endedBy = (name) => (context) => inConsole(context, async (terminal) => {
  await terminal.see("alice (owner)");
  await terminal.keys("2");
  await terminal.see("Aspen SIS");
  process.kill(await terminal.pid(), name);
  await restored(terminal);
}, { command: shell });

// A crash under the sanitizers is a finding; the release build is the one that crashes here.
const crashedBy = (name) => (context) => inConsole(context, async (terminal) => {
  await terminal.see("alice (owner)");
  process.kill(await terminal.pid(), name);
  await restored(terminal);
}, { command: shell, build: "release" });

export const tests = {
  "a secret goes from the screen and the memory after a minute": (context) => {
    needsRoot();
    return inConsole(context, async (terminal) => {
      await terminal.see("alice (owner)");
      await terminal.keys(":");
      await terminal.type("client 2");
      await terminal.keys("Enter");
      await terminal.see("draft");
      await terminal.keys("i", "Enter");
      await terminal.see("It goes from");
      assert.ok((await terminal.capture()).includes(context.secrets.leaked.slice(0, 60)));
      assert.notDeepEqual(inMemory(await terminal.pid(), piecesOf(context.secrets.leaked)), [], "the test looks in the wrong place");
      await terminal.see("off the screen", 65000);
      assert.ok(!(await terminal.scrollback()).includes("4TAVS"));
      assert.deepEqual(inMemory(await terminal.pid(), piecesOf(context.secrets.leaked)), []);
    }, { build: "release" });
  },

  "a secret that was received, and one that was pasted, leave nothing": (context) => {
    needsRoot();
    return inConsole(context, async (terminal) => {
      await terminal.see("alice (owner)");
      await terminal.keys("!");
      await terminal.see("Paste:");
      await terminal.paste(`error: client_secret=${context.secrets.leaked} refused`);
      await terminal.see("Q stops this secret");
      await terminal.keys("Q");
      await terminal.see("Last 4");
      await terminal.keys("Escape");
      await terminal.keys("q");
      await terminal.see("For a person");
      assert.deepEqual(inMemory(await terminal.pid(), piecesOf(context.secrets.leaked)), []);
      await terminal.keys("/");
      await terminal.see("Find:");
      await terminal.paste(context.secrets.leaked);
      await terminal.see("Q stops this secret");
      await terminal.keys("q", ":");
      await terminal.type("client 2");
      await terminal.keys("Enter");
      await terminal.see("draft");
      await terminal.keys("i", "Enter");
      await terminal.see("It goes from");
      await terminal.keys("Enter");
      await terminal.see("delivered");
      assert.deepEqual(inMemory(await terminal.pid(), piecesOf(context.secrets.leaked)), []);
      assert.ok(!(await terminal.scrollback()).includes("4TAVS"));
    }, { build: "release" });
  },

  "the screen follows the terminal's size": (context) => inConsole(context, async (terminal) => {
    await terminal.see("alice (owner)");
    await terminal.keys("2");
    await terminal.see("Aspen SIS");
    await terminal.resize(200, 60);
    await terminal.until((text) => text === golden("clients-200x60-first"), "200x60");
    await terminal.resize(30, 8);
    await terminal.see("too small");
    await terminal.resize(80, 24);
    await terminal.until((text) => text === golden("clients-80x24-first"), "80x24");
  }),

  "a secret follows the terminal's size, too": (context) => inConsole(context, async (terminal) => {
    await terminal.see("alice (owner)");
    await terminal.keys(":");
    await terminal.type("client 2");
    await terminal.keys("Enter");
    await terminal.see("draft");
    await terminal.keys("i", "Enter");
    await terminal.see("It goes from");
    await terminal.resize(120, 30);
    await terminal.see(context.secrets.leaked);
    await terminal.keys("C-l");
    await sleep(200);
    await terminal.see(context.secrets.leaked);
    await terminal.keys("Escape");
    await terminal.until((text) => !text.includes("kds_"), "screen without the secret");
  }),

  "colours: sixteen at most, and none with NO_COLOR": async (context) => {
    const colours = async (env) => {
      let seen;
      await inConsole(context, async (terminal) => {
        await terminal.see("alice (owner)");
        await terminal.keys("2");
        await terminal.see("quarantined");
        seen = [...(await terminal.colours()).matchAll(/\x1b\[([\d;]*)m/g)].flatMap((match) => match[1].split(";"));
      }, { env });
      return seen;
    };
    const many = await colours({});
    assert.ok(many.some((code) => /^3[1-7]$/.test(code)), "no colour at all");
    assert.ok(!many.includes("38"), "more than sixteen colours");
    assert.deepEqual((await colours({ NO_COLOR: "1" })).filter((code) => /^(3[0-8]|4[0-8]|9\d|10\d)$/.test(code)), []);
  },

  "Ctrl-Z and fg: the shell's terminal between, the same screen after": (context) => inConsole(context, async (terminal) => {
    await terminal.see("ready>");
    await terminal.type(`${context.programs.asan} --socket keyd.sock`);
    await terminal.keys("Enter");
    await terminal.see("alice (owner)");
    await terminal.keys("2");
    await terminal.see("Aspen SIS");
    await terminal.keys("f");
    await terminal.type("state=su");
    await terminal.see("state=su");
    await terminal.keys("C-z");
    await terminal.see("Stopped");
    await terminal.type("stty -a | grep -o '[-]*icanon'");
    await terminal.keys("Enter");
    await terminal.until((text) => /^icanon$/m.test(text), "a sane terminal");
    assert.equal(await terminal.show("#{alternate_on}"), "0");
    await terminal.type("fg");
    await terminal.keys("Enter");
    await terminal.see("Filter: state=su");
    await terminal.keys("Escape");
    await terminal.until((text) => text === golden("clients-80x24-first"), "the list");
    await terminal.keys("C-c");
    await terminal.see("ready>");
  }, { command: () => ["bash", "-c", "PS1='ready> ' exec bash --norc -i 2>&1"] }),

  "the terminal is as it was after quitting": (context) => inConsole(context, async (terminal) => {
    await terminal.see("alice (owner)");
    await terminal.keys("q");
    await restored(terminal);
    await terminal.see("status 0");
  }, { command: shell }),
  "the terminal is as it was after SIGTERM": endedBy("SIGTERM"),
  "the terminal is as it was after SIGHUP": endedBy("SIGHUP"),
  "the terminal is as it was after SIGINT": endedBy("SIGINT"),
  "the terminal is as it was after SIGQUIT": endedBy("SIGQUIT"),
  "the terminal is as it was after SIGABRT": crashedBy("SIGABRT"),
  "the terminal is as it was after SIGSEGV": crashedBy("SIGSEGV"),

  "it ends with its terminal": (context) => inConsole(context, async (terminal) => {
    await terminal.see("alice (owner)");
    const pid = await terminal.pid();
    await terminal.tmux("kill-server");
    for (const end = Date.now() + 3000; existsSync(`/proc/${pid}`); await sleep(20)) {
      assert.ok(Date.now() < end, "it runs on without a terminal");
    }
  }),

  "a line that takes nothing holds nothing up": (context) => inConsole(context, async (terminal, server) => {
    await terminal.see("alice (owner)");
    await terminal.keys("2");
    await terminal.see("Aspen SIS");
    const pid = await terminal.pid();
    const tmux = Number(await terminal.show("#{pid}"));
    process.kill(tmux, "SIGSTOP");
    try {
      // a whole picture each time, until the terminal's own queue is full
      for (let i = 0; i < 60; i++) {
        process.kill(pid, "SIGWINCH");
        await sleep(10);
      }
      const before = server.knobs.asked.length;
      for (const end = Date.now() + 7000; server.knobs.asked.length === before; await sleep(50)) {
        assert.ok(Date.now() < end, "it asks keyd nothing any more");
      }
      process.kill(pid, "SIGTERM");
      for (const end = Date.now() + 3000; !terminal.dead(); await sleep(20)) {
        assert.ok(Date.now() < end, "it does not end");
      }
    } finally {
      process.kill(tmux, "SIGCONT");
    }
  }),

  "terminals of other kinds": async (context) => {
    for (const TERM of ["linux", "vt100", "screen", "xterm-256color"]) {
      await inConsole(context, async (terminal) => {
        await terminal.see("alice (owner)");
        await terminal.keys("2");
        await terminal.see("Aspen SIS");
        await terminal.until((text) => text === golden("clients-80x24-first"), `the list as ${TERM}`);
        await terminal.keys("C-c");
        assert.equal(await terminal.exit(), 0);
      }, { env: { TERM } });
    }
  },

  "an answer that was lost is asked for again, and nothing is made twice": (context) => inConsole(context, async (terminal, server) => {
    await terminal.see("alice (owner)");
    await terminal.keys(":");
    await terminal.type("client 2");
    await terminal.keys("Enter");
    await terminal.see("draft");
    await terminal.keys("i");
    await terminal.type("label");
    server.knobs.lose = "issue";
    await terminal.keys("Enter");
    await terminal.see("Enter asks again");
    await terminal.see("Label (may be empty): label");
    await terminal.keys("Enter");
    await terminal.see("shown again, which");
    assert.equal(server.state.client(2).secrets.length, 1);
  }),

  "a list fetches only what it shows, and a slow one is dropped for the next": (context) => inConsole(context, async (terminal, server) => {
    const asked = (path) => server.knobs.asked.filter((line) => line.startsWith(`GET ${path}?`));
    await terminal.see("alice (owner)");
    await terminal.keys("2");
    await terminal.see("Aspen SIS");
    assert.equal(asked("/keyd/clients").length, 1);
    await terminal.keys("PageDown", "PageDown", "PageDown");
    await terminal.see("District system 58");
    assert.ok(asked("/keyd/clients").length <= 3, asked("/keyd/clients").join("\n"));
    await terminal.keys("q");
    server.knobs.delay = 6000;
    await terminal.keys("2");
    await terminal.see("waiting");
    server.knobs.delay = 0;
    await terminal.keys("q", "3");
    await terminal.see("client.issue", 2500);
  }),

  "an export is CSV without formulas, and overwrites nothing": (context) => inConsole(context, async (terminal) => {
    await terminal.see("alice (owner)");
    await terminal.keys("2");
    await terminal.see("Aspen SIS");
    await terminal.keys("f");
    await terminal.type("name=*P*");
    await terminal.keys("Enter");
    await terminal.see("=HYPERLINK");
    await terminal.keys("e", "Enter");
    await terminal.see("rows are in clients.csv");
    const rows = readFileSync(join(terminal.dir, "clients.csv"), "utf8").split("\r\n");
    assert.equal(rows[0], "id,key,name,application,vendor,school_year,state,last_use");
    assert.ok(rows.some((row) => row.includes(`"'=HYPERLINK(""http://x"",""y"")"`)), rows.join("\n"));
    writeFileSync(join(terminal.dir, "there.csv"), "mine");
    await terminal.keys("e", "C-u");
    await terminal.type("there.csv");
    await terminal.keys("Enter");
    await terminal.see("is there already");
    assert.equal(readFileSync(join(terminal.dir, "there.csv"), "utf8"), "mine");
  }),

  "an export of everything goes on beside the keys, and stops when told": (context) => inConsole(context, async (terminal) => {
    await terminal.see("alice (owner)");
    await terminal.keys("2");
    await terminal.see("Aspen SIS");
    await terminal.keys("e", "Enter");
    await terminal.see("exported ");
    await terminal.keys("G");
    await terminal.see("150000");
    await terminal.keys("e");
    await terminal.see("stopped");
    await terminal.until(() => !existsSync(join(terminal.dir, "clients.csv")), "end of the file");
  }),

  "what floods the terminal is no key and no paste": (context) => inConsole(context, async (terminal) => {
    await terminal.see("alice (owner)");
    await terminal.keys("/");
    await terminal.paste("x".repeat(200000));
    await terminal.see("not taken");
    await terminal.keys("Escape", "2");
    await terminal.see("Aspen SIS");
    await terminal.keys("-H", "1b", "5b", "39", "39", "39", "7e"); // no key that is known
    await terminal.keys("q");
    await terminal.see("For a person");
  }),

  "without a terminal, or with one that is not known, it says so": async (context) => {
    for (const [env, says] of [[{ TERM: "no-such-terminal" }, "is not known here"], [{ TERM: "" }, "TERM is not set"]]) {
      await inConsole(context, async (terminal) => {
        assert.equal(await terminal.exit(), 1);
        assert.match(terminal.stderr(), new RegExp(says));
      }, { env, build: "release" }); // ncurses leaks what it made for a terminal that it does not know
    }
  },
};
