# llhttp, the HTTP/1.1 parser of Node.js, from the C sources that Debian's node-llhttp ships. It is
# third-party code: hardened and sanitized like ours, but without our warnings and outside lint.
# Strict mode is a property of each file, so it is defined on all of them, and on the users too:
# llhttp.h has declarations that depend on it.
find_path(LLHTTP_SOURCE_DIR NAMES llhttp.c HINTS /usr/share/llhttp NO_DEFAULT_PATH)
find_path(LLHTTP_INCLUDE_DIR NAMES llhttp.h HINTS /usr/share/include/llhttp NO_DEFAULT_PATH)
if(NOT LLHTTP_SOURCE_DIR OR NOT LLHTTP_INCLUDE_DIR)
  message(FATAL_ERROR "llhttp's C sources are missing: apt-get install node-llhttp")
endif()

add_library(llhttp STATIC
  "${LLHTTP_SOURCE_DIR}/api.c" "${LLHTTP_SOURCE_DIR}/http.c" "${LLHTTP_SOURCE_DIR}/llhttp.c")
target_include_directories(llhttp SYSTEM PUBLIC "${LLHTTP_INCLUDE_DIR}")
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(llhttp PRIVATE -w ${KEYD_HARDENING})
keyd_sanitize(llhttp)
