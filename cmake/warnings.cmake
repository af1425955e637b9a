# Warnings as errors, hardening and sanitizers, per target: nothing global, so that third-party code
# is built by its own rules.
include(CheckCCompilerFlag)

set(KEYD_WARNINGS
  -Wall -Wextra -Werror -Wpointer-arith -Wsign-compare -Wformat=2 -Wformat-security -Wimplicit-fallthrough
  -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wvla -Wswitch-enum -Wwrite-strings -Wundef
  -Wmisleading-indentation -Wcast-qual)

set(KEYD_HARDENING -fstack-protector-strong -fno-strict-overflow -fPIE)
foreach(flag IN ITEMS -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero)
  string(MAKE_C_IDENTIFIER "KEYD_HAS${flag}" has)
  check_c_compiler_flag(${flag} ${has})
  if(${has})
    list(APPEND KEYD_HARDENING ${flag})
  endif()
endforeach()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  list(APPEND KEYD_HARDENING -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

# The sanitizers of this build, and what a fuzzer needs to see its coverage.
function(keyd_sanitize name)
  if(KEYD_SANITIZE)
    target_compile_options(${name} PRIVATE
      -fsanitize=${KEYD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${name} PRIVATE -fsanitize=${KEYD_SANITIZE})
  endif()
  if(KEYD_FUZZ)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# keyd_target(NAME): one of our own archives or programs.
function(keyd_target name)
  set_target_properties(${name} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/generated")
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE
    KEYD_SANDBOX=$<BOOL:${KEYD_SANDBOX}> KEYD_SIM=$<BOOL:${KEYD_SIM}>)
  target_compile_options(${name} PRIVATE ${KEYD_WARNINGS} ${KEYD_HARDENING})
  keyd_sanitize(${name})
  get_target_property(kind ${name} TYPE)
  if(kind STREQUAL "EXECUTABLE")
    target_link_options(${name} PRIVATE -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
  endif()
endfunction()

# keyd_archive(NAME): every .c file of this folder but main.c, not of the folders below it.
function(keyd_archive name)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  if(NOT sources)
    # An archive of headers still is a target that others can link.
    string(MAKE_C_IDENTIFIER "${name}" ident)
    set(sources "${CMAKE_CURRENT_BINARY_DIR}/empty.c")
    file(CONFIGURE OUTPUT "${sources}" CONTENT "extern int ${ident}_is_empty;\n")
  endif()
  add_library(${name} STATIC ${sources})
  keyd_target(${name})
endfunction()

# keyd_program(NAME ARCHIVE): the program of this folder, its main.c on its archive. All programs lie in one
# directory of the build, since keyd-parent starts those beside it.
function(keyd_program name archive)
  add_executable(${name} main.c)
  keyd_target(${name})
  target_link_libraries(${name} PRIVATE ${archive})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
endfunction()
