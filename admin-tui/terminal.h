#ifndef KEYD_ADMIN_TUI_TERMINAL_H
#define KEYD_ADMIN_TUI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/* The terminal itself: one for the process. Its descriptor is opened anew, so that
 * reading and writing never block and the shell's own descriptor keeps its mode. What is
 * to be written waits in a queue; a slow line delays the picture, never the program. On
 * every way out, a crash too, the terminal gets back what it was given as. */

/* Opens the controlling terminal. The fault says what to do. */
enum kerr terminal_open(struct fault *fault) MUST_CHECK;
void terminal_close(void); /* restores and closes; fine when not open */

int terminal_fd(void); /* to be watched by the loop; -1 when not open */
/* Rows and columns; false when the terminal does not know. */
bool terminal_size(int *ret_rows, int *ret_columns);

/* Keys come as they are typed; the terminal is asked to mark what is pasted. `before`
 * is written first now, `after` last on the way out: what the terminal type needs (at
 * most 128 bytes, copied). */
void terminal_enter(const char *before, const char *after);
/* The way back, also from a signal handler: writes `after`, restores the modes. */
void terminal_leave(void);
/* Restores the terminal before SIGABRT, SIGSEGV and their like end the process. */
void terminal_guard(void);

/* The queue, to be filled with buf_put…; then terminal_flush(). */
struct buf *terminal_queue(void);
/* KERR_OK: all is written. KERR_BUSY: wait until the descriptor is writable.
 * KERR_CLOSED: the terminal is gone. */
enum kerr terminal_flush(void) MUST_CHECK;
/* Reads what is there into `in`. KERR_BUSY: nothing. KERR_CLOSED: the terminal is
 * gone. */
enum kerr terminal_read(struct buf *in) MUST_CHECK;

#endif
