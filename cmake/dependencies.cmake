# Foreign libraries, each named once. A room links only what design and tests/lint allow it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
foreach(pair IN ITEMS
    SODIUM:libsodium UTF8PROC:libutf8proc JANSSON:jansson UV:libuv SSL:libssl CRYPTO:libcrypto
    SQLITE:sqlite3 CURL:libcurl YAML:yaml-0.1 SECCOMP:libseccomp NCURSES:ncursesw CHECK:check)
  string(REPLACE ":" ";" pair "${pair}")
  list(GET pair 0 name)
  list(GET pair 1 module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
endforeach()
