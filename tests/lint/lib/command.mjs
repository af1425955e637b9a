// Programs that checks start: at most two at a time.
import { execFile } from "node:child_process";

export function command(program, args, options = {}) {
  return new Promise((done, fail) => {
    execFile(program, args, { encoding: "utf8", maxBuffer: 1 << 27, ...options }, (error, stdout, stderr) => {
      if (error && error.code === "ENOENT") fail(error);
      else done({ code: error ? (error.code ?? 1) : 0, stdout, stderr });
    });
  });
}

export async function present(program) {
  return command(program, ["--version"]).then(() => true, () => false);
}

export async function pairwise(items, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}
