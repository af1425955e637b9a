#ifndef KEYD_ADMIN_TUI_FORM_H
#define KEYD_ADMIN_TUI_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin-tui/edit.h"
#include "core/buf.h"
#include "core/err.h"

/* What a person is asked: lines that say what will happen, fields, and why the last try
 * failed. It stays open, with all that was typed, until it is done or given up; then
 * what was typed is wiped. */

#define FORM_FIELDS 4

struct form;

struct form_hooks {
	/* Enter on the last field. The form stays: form_wait(), form_fail(), or the
	 * console's form_close. */
	void (*submit)(struct form *f, void *with);
	/* It goes, done or given up; NULL: nothing to do. */
	void (*closed)(struct form *f, void *with);
	/* What the text before the cursor may go on as: whole texts, each with a NUL
	 * behind it; NULL: none. */
	void (*complete)(void *with, const char *text, struct buf *ret_candidates);
	void *with;
};

struct form *form_new(const struct form_hooks *hooks); /* NULL: no memory */
void form_free(struct form *f);                        /* NULL is fine; calls closed */

/* One line of explanation more. */
void form_say(struct form *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
enum form_flag {
	FORM_HIDDEN = 1, /* what is typed is not shown, and a paste ends it */
};
/* One field more; label is static, text is what stands there at first. */
void form_ask(
	struct form *f, const char *label, const char *text, size_t max, unsigned flags);
const char *form_text(struct form *f, size_t field); /* borrowed until it changes */
void form_fail(struct form *f, const char *why); /* copied; the form can be used again */
void form_wait(struct form *f);                  /* asked: no key but Esc until it ends */

enum form_outcome {
	FORM_STAYS,
	FORM_GIVEN_UP,
	FORM_LOOKS_SECRET, /* a secret was pasted where it would be seen: it is not taken
			    */
};
/* A key, or what was pasted, goes to the field that has the cursor. */
enum form_outcome form_key(struct form *f, uint32_t key);
enum form_outcome form_paste(struct form *f, const char *text, size_t len);

int form_rows(const struct form *f); /* that it takes on the screen */
/* Over the last form_rows() rows of the area. */
void form_draw(struct form *f, const struct area *a);

#endif
