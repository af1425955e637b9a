#ifndef KEYD_CORE_SECRET_H
#define KEYD_CORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Bytes that nobody may print, log or leave behind. Two grades:
 * guarded  a few long-lived keys, each on its own locked pages, with no access outside
 *          secret_open() and secret_close();
 * pooled   a request's secrets, in slots of one locked slab that is made at start; wiped
 *          when freed.
 * The only ways to the bytes are secret_reveal() and secret_open(); tests/lint lists the
 * files that may. */
struct secret;

#define SECRET_POOL_MAX_LEN 4096 /* longest pooled secret, bytes */

/* Once per process, before any secret_new(). Locks slots × slot memory and fails with
 * KERR_NOMEM, saying how much RLIMIT_MEMLOCK must allow, when it cannot be locked: a
 * secret that may be swapped is refused. */
enum kerr secret_pool_start(size_t slots, struct fault *fault) MUST_CHECK;

/* Copies len (0…SECRET_POOL_MAX_LEN) bytes into a slot. NULL when every slot is taken
 * or len is too large. Any thread. Owner frees. */
struct secret *secret_new(const void *bytes, size_t len);
/* len random bytes on guarded pages; NULL on failure (also when the pages cannot be
 * locked). */
struct secret *secret_guarded_random(size_t len);
/* A guarded copy; the source is the caller's to wipe. */
struct secret *secret_guarded_new(const void *bytes, size_t len);
/* A pooled or guarded secret of its own with the same bytes and grade. */
struct secret *secret_copy(const struct secret *s);
void secret_free(
	struct secret *s); /* wipes; NULL is fine; a slot freed twice ends the process */

size_t secret_len(const struct secret *s); /* bytes */
/* Constant time for equal lengths. Guarded secrets must be open. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* The bytes of a pooled (or opened guarded) secret, borrowed until it is freed. */
const uint8_t *secret_reveal(const struct secret *s);
/* Makes a guarded secret readable until the matching secret_close(); calls nest, any
 * thread. On a pooled secret they do nothing. When the pages' protection cannot be
 * changed the process ends. */
const uint8_t *secret_open(struct secret *s);
void secret_close(struct secret *s);

#endif
