// The page looks as .clang-format says.
import { command, pairwise, present } from "../lib/command.mjs";

export async function run(tree) {
  if (!await present("clang-format")) return { findings: [], skipped: "clang-format is not installed" };
  const files = tree.cFiles();
  const half = Math.ceil(files.length / 2);
  const outputs = await pairwise([files.slice(0, half), files.slice(half)], async (part) => {
    if (!part.length) return "";
    return (await command("clang-format", ["--dry-run", "-Werror", ...part], { cwd: tree.root })).stderr;
  });
  const seen = new Map();
  for (const [, file, line] of outputs.join("\n").matchAll(/^(\S+?):(\d+):\d+: error: /gm)) {
    if (!seen.has(file)) seen.set(file, { line: Number(line), count: 0 });
    seen.get(file).count++;
  }
  const findings = [...seen].map(([file, { line, count }]) => ({
    file, line, text: `not formatted (${count} place${count > 1 ? "s" : ""})`, fix: `clang-format -i ${file}`,
  }));
  return { findings };
}
