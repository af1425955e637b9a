#ifndef KEYD_FRONT_OAUTH_H
#define KEYD_FRONT_OAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/front/basic.h"
#include "keyd/front/exchange.h"

/* What the OAuth endpoints have in common: parameters out of a form or JSON body, the
 * client's or caller's credentials out of Authorization or body. */

enum oauth_parameter {
	OAUTH_CLIENT_ID,
	OAUTH_CLIENT_SECRET,
	OAUTH_GRANT_TYPE,
	OAUTH_SCOPE,
	OAUTH_RESOURCE,
	OAUTH_TOKEN,
	OAUTH__COUNT
};

struct oauth_value {
	const char *text; /* borrowed, not terminated; NULL: left out or empty */
	size_t len;
};

struct oauth_ask {
	struct oauth_value values[OAUTH__COUNT];
	struct basic auth;   /* complete and of a plausible form after oauth_client() */
	struct record *json; /* the body, when it is JSON */
};

/* Reads the body's parameters. False: the request was answered with an error. A query is
 * refused whatever is in it: credentials have no place there. Unknown parameters are
 * passed over, empty ones count as left out (RFC 6749 section 3.2). oauth_clear() is due
 * in any case. */
bool oauth_read(struct exchange *ex, struct oauth_ask *ret);
/* Finds the credentials: in Authorization or in the body, never both (RFC 6749 section
 * 2.3). False as above. */
bool oauth_client(struct exchange *ex, struct oauth_ask *ask);
void oauth_clear(struct oauth_ask *ask); /* wipes */

struct flat;
/* The fields that all questions begin with: key, secret, address. */
void oauth_put_client(
	struct flat *to, const struct oauth_ask *ask, const struct exchange *ex);

/* Asks the keeper what was put; see exchange_ask(). */
void oauth_ask(struct exchange *ex, uint16_t number, const struct flat *question,
	exchange_answered *answered);

/* The jti record of a token whose signature is one of keyd's keys'. False: it is not. */
bool oauth_verify(struct front *f, const char *token, size_t len, struct jws_token *ret);
/* Has the keeper said that it serves, and with which keys? Until then a token that does
 * not verify may be a good one. */
bool oauth_has_keys(const struct front *f);

#endif
