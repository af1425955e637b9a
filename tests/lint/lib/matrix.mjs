// The house as tables: design.md §2. Every room may include itself.

const shared = ["core", "core/model"];

export const may = {
  core: [],
  "core/model": ["core"],
  "core/wire": [...shared],
  claimsets: [...shared],
  "claimsets/json": [...shared, "claimsets"],
  policies: [...shared],
  "keyd/role": [...shared],
  "keyd/parent": [...shared, "keyd/role", "keyd/parent/config"],
  "keyd/parent/config": [...shared, "keyd/role"],
  "keyd/front": [...shared, "core/wire", "claimsets", "claimsets/json", "keyd/role"],
  "keyd/keeper": [...shared, "claimsets", "policies", "keyd/role"],
  "keyd/courier": [...shared, "core/wire", "claimsets", "claimsets/json", "keyd/role"],
  "keyd/cli": [...shared, "core/wire", "claimsets", "claimsets/json", "policies", "keyd/role",
    "keyd/parent/config"],
  "admin-tui": [...shared, "core/wire"],
  tests: ["*"],
};

const rooms = Object.keys(may).sort((a, b) => b.length - a.length);

export function roomOf(path) {
  return rooms.find((room) => path.startsWith(`${room}/`)) ?? path.split("/")[0];
}

// `one`: at most one file in each of the places may include it. Tests speak to some libraries
// themselves, to check from outside what keyd did.
const row = (name, header, one, places, says) => ({ name, header, one, places, says });
const tests = /^tests\//;

export const doors = [
  row("sqlite", /^sqlite3/, true, [/^keyd\/keeper\/store\//, /^tests\/(faults|support)\//, /^tests\/bench\//],
    "one file of keyd/keeper/store"),
  row("curl", /^curl\//, true, [/^keyd\/courier\//], "one file of keyd/courier"),
  row("ncurses", /^(n?curses|ncursesw\/.*|panel|term)\.h$/, true, [/^admin-tui\//],
    "the drawing file of admin-tui"),
  row("yaml", /^yaml\.h$/, true, [/^keyd\/(parent|role|cli)\//], "one file, read by parent and command line"),
  row("seccomp", /^(seccomp|linux\/(seccomp|filter))\.h$/, true, [/^keyd\/role\//], "one file of keyd/role"),
  row("landlock", /^linux\/landlock\.h$/, true, [/^keyd\/role\//], "one file of keyd/role"),
  row("llhttp", /^llhttp/, true, [/^keyd\/front\//, /^core\/wire\//],
    "one file of keyd/front and one of core/wire"),
  row("uv", /^uv(\.h|\/)/, false,
    [/^keyd\/(parent|front|keeper|courier)\//, /^admin-tui\//, tests],
    "keyd/parent, front, keeper, courier and admin-tui"),
  row("openssl", /^openssl\//, false,
    [/^keyd\/front\/(tls|jws|jwt)/, /^keyd\/keeper\/tokens\//, tests],
    "keyd/front/tls*, keyd/front/jws* and keyd/keeper/tokens"),
  row("jansson", /^jansson/, false,
    [/^core\/wire\//, /^claimsets\/json\//, /^keyd\/cli\//, tests],
    "core/wire, claimsets/json and keyd/cli"),
  row("utf8proc", /^utf8proc\.h$/, true, [/^core\//], "one file of core"),
  row("sodium", /^sodium/, false,
    [/^core\//, /^keyd\/keeper\//, /^keyd\/role\//, /^keyd\/front\//, /^keyd\/cli\//, /^claimsets\//, tests],
    "core, claimsets, keyd/keeper, role, front, cli"),
  row("check", /^check\.h$/, false, [tests], "tests"),
  row("fiu", /^fiu/, false, [tests], "tests"),
];

// ISO C, POSIX and Linux.
const plain = [
  "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn",
  "assert", "ctype", "dirent", "dlfcn", "endian", "errno", "fcntl", "fnmatch", "float", "ftw", "getopt", "glob", "grp",
  "inttypes", "langinfo", "limits", "locale", "malloc", "math", "netdb", "poll", "pthread", "pwd", "sched",
  "semaphore", "setjmp", "signal", "spawn", "string", "strings", "syslog", "termios", "threads", "time",
  "unistd", "wchar", "wctype", "utmpx", "wordexp",
].join("|");
export const systemHeader = new RegExp(`^(?:(?:${plain})\\.h|(?:sys|linux|netinet|arpa|net|asm|bits)/.+\\.h)$`);
