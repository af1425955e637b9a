// What is to be done stands in an issue, not in the code.
const word = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X".repeat(3), "HA" + "CK"].join("|")})\\b`);

export async function run(tree) {
  const findings = [];
  for (const path of tree.files) {
    if (/(^|\/)(LICENSE|package-lock\.json)$|\.(png|pem|der|gz|bin)$/.test(path)) continue;
    if (path === "tests/lint/checks/todo.mjs") continue;
    tree.text(path).split("\n").forEach((line, index) => {
      const match = word.exec(line);
      if (!match) return;
      findings.push({
        file: path, line: index + 1, text: `"${match[0]}" in the tree`,
        fix: "do it, or file an issue and delete the note",
      });
    });
  }
  return { findings };
}
