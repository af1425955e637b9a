#ifndef KEYD_CLI_TERMINAL_H
#define KEYD_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/secret.h"

/* The person at the terminal, /dev/tty and not standard input or output, which may be
 * elsewhere. While it is open Ctrl-C and a hang-up are noticed and not followed, so that
 * the terminal is left as it was found, and Ctrl-Z does nothing. */
struct terminal;

#define PASTE_MAX 16384 /* bytes of what can be pasted */

/* NULL: there is no terminal, or no memory. One at a time. */
struct terminal *terminal_open(void);
void terminal_close(struct terminal *t); /* restores it; NULL is fine */

/* Appends nothing to the screen's history: text of ours, written as it is. */
void terminal_write(struct terminal *t, const char *text, size_t len);
/* A screen of its own, whose content is gone when it is left. On a terminal that has none
 * (TERM=dumb) the text stays. */
void terminal_enter(struct terminal *t);
void terminal_leave(struct terminal *t);

/* A line, without its end, at most size - 1 bytes. KERR_CLOSED: Ctrl-C, Ctrl-D, or the
 * terminal went. KERR_TOO_LARGE. */
enum kerr terminal_line(
	struct terminal *t, const char *prompt, char *out, size_t size) MUST_CHECK;
/* Without echo. A bracketed paste may have several lines; its ends of lines become
 * blanks. out is in locked memory of size bytes; *ret_len is what was typed. Echo shows
 * what is typed here, for a screen of its own. KERR_CLOSED and KERR_TOO_LARGE as above.
 */
enum kerr terminal_paste(struct terminal *t, const char *prompt, bool echo, char *out,
	size_t size, size_t *ret_len) MUST_CHECK;
/* The same into a new pooled secret; what is empty is NULL. */
enum kerr terminal_secret(struct terminal *t, const char *prompt, bool echo,
	struct secret **ret) MUST_CHECK;

#endif
