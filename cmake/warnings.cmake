# keyd_room(NAME kind): warnings as errors and hardening, for one of our own targets.
include(CheckCCompilerFlag)

set(KEYD_WARNINGS
  -Wall -Wextra -Werror -Wpointer-arith -Wsign-compare -Wformat=2 -Wformat-security -Wimplicit-fallthrough
  -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wvla -Wswitch-enum -Wwrite-strings -Wundef
  -Wmisleading-indentation -Wcast-qual -Wnull-dereference)
set(KEYD_HARDENING -fstack-protector-strong -fstack-clash-protection -fno-strict-overflow -fPIE)
check_c_compiler_flag(-fcf-protection=full KEYD_HAS_CET)
if(KEYD_HAS_CET)
  list(APPEND KEYD_HARDENING -fcf-protection=full)
endif()
check_c_compiler_flag(-ftrivial-auto-var-init=zero KEYD_HAS_AUTO_INIT)
if(KEYD_HAS_AUTO_INIT AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND KEYD_HARDENING -ftrivial-auto-var-init=zero)
endif()

function(keyd_target name)
  set_target_properties(${name} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/generated")
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE
    $<$<BOOL:${KEYD_SANDBOX}>:KEYD_SANDBOX=1> $<$<NOT:$<BOOL:${KEYD_SANDBOX}>>:KEYD_SANDBOX=0>
    $<$<BOOL:${KEYD_SIM}>:KEYD_SIM=1> $<$<NOT:$<BOOL:${KEYD_SIM}>>:KEYD_SIM=0>)
  target_compile_options(${name} PRIVATE ${KEYD_WARNINGS} ${KEYD_HARDENING})
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(${name} PRIVATE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
  if(KEYD_SANITIZE)
    target_compile_options(${name} PRIVATE -fsanitize=${KEYD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${name} PRIVATE -fsanitize=${KEYD_SANITIZE})
  endif()
  get_target_property(kind ${name} TYPE)
  if(kind STREQUAL "EXECUTABLE")
    target_link_options(${name} PRIVATE -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
  endif()
endfunction()

# An archive of every .c file of this folder (not of folders below).
function(keyd_archive name)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  if(NOT sources)
    file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/empty.c" "extern int ${name}_is_empty;\n")
    string(REPLACE "-" "_" ident "${name}")
    file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/empty.c" "extern int ${ident}_is_empty;\n")
    set(sources "${CMAKE_CURRENT_BINARY_DIR}/empty.c")
  endif()
  add_library(${name} STATIC ${sources})
  keyd_target(${name})
endfunction()
