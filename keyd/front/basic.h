#ifndef KEYD_FRONT_BASIC_H
#define KEYD_FRONT_BASIC_H

#include <stddef.h>

#include "core/err.h"
#include "core/secret.h"

/* The value of an Authorization field. */

#define BASIC_USER_MAX     128
#define BASIC_PASSWORD_MAX 512 /* as token_ask and introspect_ask take them */

struct basic {
	char user[BASIC_USER_MAX +
		  1]; /* NUL-terminated; may be a secret sent as key, so never shown */
	size_t user_len;
	struct secret *secret; /* owned; NULL after a failure */
};

/* RFC 7617: base64 of user:password, split at the first colon. Where either has a '%',
 * both are percent-decoded as RFC 6749 section 2.3.1 wants (keyd's own keys and secrets
 * have none), and taken as sent when that is not possible. KERR_UNSUPPORTED: another
 * scheme. KERR_INVALID: not base64, or empty. KERR_UNKNOWN_CALLER: no colon, or longer
 * than any key or secret. KERR_NOMEM: no secret's slot is free. */
enum kerr basic_read(const char *value, size_t len, struct basic *ret) MUST_CHECK;
void basic_clear(struct basic *b); /* wipes; fine on a zeroed struct */

/* RFC 6750 section 2.1: the token behind "Bearer ", borrowed. KERR_UNSUPPORTED: another
 * scheme. KERR_INVALID: no token. */
enum kerr bearer_read(
	const char *value, size_t len, const char **ret, size_t *ret_len) MUST_CHECK;

#endif
