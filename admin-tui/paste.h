#ifndef KEYD_ADMIN_TUI_PASTE_H
#define KEYD_ADMIN_TUI_PASTE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/secret.h"

/* What of a pasted text keyd is asked about. Pastes are longer than a question may be,
 * and a whole secret in them, not the line around it, is what can be stopped. */

struct paste {
	struct secret *secret; /* what to ask about; owned by who asked for it */
	bool whole;            /* it is a whole secret of keyd's form */
};

/* KERR_INVALID with a sentence: nothing that could be looked for. KERR_NOMEM. */
enum kerr paste_read(
	const char *text, size_t len, struct paste *ret, struct fault *fault) MUST_CHECK;

#endif
