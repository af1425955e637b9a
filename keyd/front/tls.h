#ifndef KEYD_FRONT_TLS_H
#define KEYD_FRONT_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

/* TLS towards callers: 1.2 with AEAD and 1.3, P-256 and X25519, no renegotiation, session
 * tickets. A session is OpenSSL's, over a descriptor that does not block. */

struct tls;    /* the certificate in use */
struct ssl_st; /* a session: OpenSSL's SSL */

/* From then on OpenSSL wipes whatever it frees. False: OpenSSL was used before. */
bool tls_wipe_memory(void);

struct tls *tls_new(void); /* NULL: no memory */
/* NULL is fine. */
void tls_free(struct tls *t);
/* A certificate with its chain and its private key, both PEM. Sessions that are open keep
 * the one they have. On failure the one before stays in use; the fault says what is
 * wrong with it. */
enum kerr tls_use(struct tls *t, const char *chain, size_t chain_len, const char *key,
	size_t key_len, struct fault *fault) MUST_CHECK;

enum tls_result {
	TLS_DONE,
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_CLOSED, /* by the peer, in order or not */
	TLS_BROKEN, /* the peer does not speak TLS as it must */
};

/* A session on a connected socket that stays the caller's; NULL: no memory or no
 * certificate yet. */
struct ssl_st *tls_session(struct tls *t, int fd);
void tls_end(struct ssl_st *session); /* NULL is fine */

/* Goes on with the handshake. */
enum tls_result tls_handshake(struct ssl_st *session);
/* *ret is set with TLS_DONE only, and is at least 1. */
enum tls_result tls_read(struct ssl_st *session, void *bytes, size_t size, size_t *ret);
enum tls_result tls_write(
	struct ssl_st *session, const void *bytes, size_t len, size_t *ret);
/* Is there something that was received and not read? Then no event will tell. */
bool tls_has_more(const struct ssl_st *session);
/* Gives the session's two record buffers back, wiped; they come again when needed. */
void tls_drop_buffers(struct ssl_st *session);
/* Tells the peer that nothing follows; does not wait for its answer. */
void tls_say_goodbye(struct ssl_st *session);

#endif
