#ifndef KEYD_FRONT_TOKEN_CACHE_H
#define KEYD_FRONT_TOKEN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/front/jws.h"

/* Which tokens' signatures were found good already: a bounded table from a SipHash-2-4
 * of 128 bits of the whole token (a third of BLAKE2b's time; its key is made at start and
 * no tag is ever shown, so nobody can aim at one) to its jti record and the number of the
 * key that signed it. It holds no token, and says nothing about whether one is active.
 * 150 bytes a token; the oldest give way.
 */
struct token_cache;

/* NULL: no memory. capacity: tokens. */
struct token_cache *token_cache_new(size_t capacity);
void token_cache_free(struct token_cache *c); /* wipes; NULL is fine */

struct token_tag {
	uint8_t bytes[16];
};
/* The place of a token; a token that is not of a token's size has none and is not kept.
 */
void token_cache_tag(const struct token_cache *c, const char *token, size_t len,
	struct token_tag *ret);
bool token_cache_get(
	struct token_cache *c, const struct token_tag *tag, struct jws_token *ret);
void token_cache_put(struct token_cache *c, const struct token_tag *tag,
	const struct jws_token *token);
/* Forgets every token of these key numbers (a bit each): they verify no more. */
void token_cache_drop(struct token_cache *c, uint32_t keys);

/* Places in use, forgotten ones included. */
size_t token_cache_count(const struct token_cache *c);

#endif
