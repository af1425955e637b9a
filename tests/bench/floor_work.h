#ifndef KEYD_TESTS_BENCH_FLOOR_WORK_H
#define KEYD_TESTS_BENCH_FLOOR_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/floor_http.h"

/* What a token service cannot do without, and nothing else: a client is authenticated by
 * a keyed BLAKE2b over id and secret, a token is looked up by its keyed BLAKE2b, a JWT is
 * signed. Everything is in memory. */
struct work;

/* Makes the clients and tokens, the same ones for the same numbers. NULL when there is no
 * memory or the key cannot be used. sign_key_file: a PEM P-256 private key, or NULL when
 * nothing is signed. */
struct work *work_new(uint32_t clients, uint32_t tokens, const char *sign_key_file);
void work_free(struct work *w); /* NULL is fine */

/* Writes count lines "id secret token" for the load generator; false when the file cannot
 * be written. */
bool work_dump(const struct work *w, const char *file, uint32_t count);

/* Is this Basic credential (base64) one of the clients? */
bool work_authenticated(const struct work *w, struct span basic);
/* Is this one of the tokens? */
bool work_known(const struct work *w, struct span token);
/* A fresh ES256 JWT, NUL-terminated; its length, or 0 when signing failed or size is too
 * small. */
size_t work_sign(struct work *w, char *jwt, size_t size);

#endif
