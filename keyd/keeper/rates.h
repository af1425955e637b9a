#ifndef KEYD_KEEPER_RATES_H
#define KEYD_KEEPER_RATES_H

#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/record.h"
#include "keyd/keeper/vault/vault.h"

/* How much may be asked in a minute, counted before any secret is looked at: requests of
 * a key from a source network (source.h), and failed ones of a source network. No counter
 * is about a whole client. Belongs to the answering thread.
 *
 * A key and network that succeeded once have a counter of their own; all others share
 * 65,536 buckets by a keyed hash, so that keys nobody has take no memory and are kept
 * nowhere. With seven days of success in thirty the network is a usual one of that key,
 * with limits.usual_factor times the limit; a restart forgets which were.
 *
 * A counter may go to half its limit by itself; at a quarter it asks for the whole to be
 * reserved on disk, and beyond the half it waits for that, five seconds at most. So after
 * a restart, where what is reserved counts as used and the first minute begins at the
 * half (and waits for nothing), no more was answered than the limit. In that minute an
 * eighth of what is left is reserved at a time, so that a second restart within it finds
 * something left. While the disk is full, or nobody calls rates_reserve(), the counters
 * are in memory only. */
struct rates;

/* Limits are those of settings (keyd/role/settings.h), which are copied. The hash is
 * keyed by the vault's index key from the first call on that finds it open. NULL: no
 * memory. */
struct rates *rates_new(const struct record *settings, struct vault *v);
void rates_free(struct rates *r); /* NULL is fine */

/* May a request with this key as typed, from there, be looked at? Counts it.
 * KERR_TOO_MANY alike for keys that are known and unknown. source: 16 bytes. */
enum kerr rates_ask(struct rates *r, const char *key, const uint8_t source[16],
	int64_t now) MUST_CHECK;
/* May a request without a client's key be looked at? KERR_TOO_MANY. Counts nothing. */
enum kerr rates_source(struct rates *r, const uint8_t source[16], int64_t now) MUST_CHECK;
/* It failed: counts for the network. */
void rates_failed(struct rates *r, const uint8_t source[16], int64_t now);
/* The key's secret was right. */
void rates_succeeded(
	struct rates *r, const char *key, const uint8_t source[16], int64_t now);
/* Seconds until the minute is over: for Retry-After. */
unsigned rates_retry(int64_t now);

/* Rows of rate_block: what is to be counted as used after a restart. */
struct rate_block {
	uint8_t bucket[16];
	int64_t window; /* first second of the minute */
	int64_t reserved;
};
/* What is to be written now, an array in the arena; about once a second. */
void rates_reserve(struct rates *r, struct arena *a, int64_t now, struct rate_block **ret,
	size_t *ret_count);
/* The blocks are on disk. */
void rates_reserved(struct rates *r, const struct rate_block *blocks, size_t count);
/* A row of before the restart, before the first question; of another minute: nothing. */
void rates_load(struct rates *r, const struct rate_block *block, int64_t now);

#endif
