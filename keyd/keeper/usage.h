#ifndef KEYD_KEEPER_USAGE_H
#define KEYD_KEEPER_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "keyd/keeper/model/op.h"

/* Which secrets were used in which hour and from where: collected by the answering
 * thread, so that issuing a token waits for no write, and written a minute's worth at a
 * time. */
struct usage;

/* At most so many secrets and hours are held; a use beyond them is not kept. */
#define USAGE_MAX 65536

/* Empty; NULL: no memory. */
struct usage *usage_new(void);
/* Drops what was not taken; NULL is fine. */
void usage_free(struct usage *u);
/* A token was issued to the client with that secret (row ids). source: as source.h. */
void usage_note(struct usage *u, int64_t client, int64_t secret, const uint8_t source[16],
	int64_t now);
/* How many are held: with many it is time to write before the minute is over. */
size_t usage_count(const struct usage *u);
/* Hands over what was collected, or as much as the arena takes: an array in it. */
void usage_take(
	struct usage *u, struct arena *a, struct op_usage **ret, size_t *ret_count);
/* Takes back what could not be written; later uses stay the last ones. */
void usage_give_back(struct usage *u, const struct op_usage *uses, size_t count);

#endif
