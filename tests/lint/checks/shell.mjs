// Shell scripts pass shellcheck.
import { command, present } from "../lib/command.mjs";

export async function run(tree) {
  const scripts = tree.files.filter((path) => !/\.(mjs|c|h|md|json)$/.test(path)
    && /^#!.*\b(?:ba|da)?sh\b/.test(tree.text(path).slice(0, 40)));
  if (!scripts.length) return { findings: [] };
  if (!await present("shellcheck")) return { findings: [], skipped: "shellcheck is not installed" };
  const { stdout } = await command("shellcheck", ["--format=gcc", "--external-sources", ...scripts], { cwd: tree.root });
  const rows = [...stdout.matchAll(/^(\S+?):(\d+):\d+: \w+: (.*) \[(SC\d+)\]$/gm)];
  return {
    findings: rows.map(([, file, line, text, code]) => ({
      file, line: Number(line), subject: code, text: `${text} (${code})`,
      fix: `https://www.shellcheck.net/wiki/${code}`,
    })),
  };
}
