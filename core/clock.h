#ifndef KEYD_CORE_CLOCK_H
#define KEYD_CORE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* The only source of time. Seconds since 1970 UTC (int64) everywhere that is stored or
 * sent; milliseconds or microseconds of the monotonic clock for waiting. Promise 6 of
 * docs/architecture.md: time starts at the later of wall clock and last time seen and
 * advances by CLOCK_BOOTTIME; a step of the wall clock of more than five minutes is not
 * followed until a person confirms it. With KEYD_SIM the page named by KEYD_SIM_CLOCK
 * is the wall clock (core/clock_sim.h). */

struct clock_status {
	int64_t now;       /* what keyd goes by */
	int64_t wall;      /* CLOCK_REALTIME */
	int64_t offset;    /* wall - now */
	bool stepped;      /* a step was seen and awaits clock_confirm() */
	bool synchronised; /* adjtimex: the kernel says a time service is in sync */
	bool confirmed;    /* a person confirmed since the start */
};

/* Starts (or starts again) from the later of wall clock and last_seen (0: never).
 * Threads may call clock_now() from then on; before it, clock_now() is the wall clock.
 * A wall clock more than five minutes before last_seen is a step; one after it cannot
 * be told from a long stop, so the caller compares. */
void clock_start(int64_t last_seen);
/* Never less than it once said. Lock-free: for hot paths. */
int64_t clock_now(void);
/* Takes small differences of the wall clock over, at most half as fast as time passes,
 * and notices steps: changes of more than five minutes between two calls. Call about
 * once a second; clock_status() does the same. */
void clock_tick(void);
/* A person says that the wall clock is right: keyd's time becomes the later of both and
 * follows it (at half speed until the wall clock has come up to it, where keyd's was
 * the later). */
void clock_confirm(void);
void clock_status(struct clock_status *ret);
uint64_t clock_monotonic_us(void);

#define CLOCK_TEXT_SIZE 21
/* 2026-11-24T17:00:00Z into out (at least 21 bytes); "never" texts are the caller's
 * business. Before the year 0 and after 9999 the first or last moment is written; so do
 * dates. */
void clock_text(int64_t t, char out[CLOCK_TEXT_SIZE]);
/* RFC 3339 §5.6 in UTC ("…Z") only; a fraction is dropped, a leap second is the one
 * after it. */
enum kerr clock_parse(const char *text, size_t len, int64_t *ret) MUST_CHECK;
#define CLOCK_DATE_SIZE 11
/* A civil date, as days since 1970-01-01, in the form 2026-06-30. */
void clock_date_text(int64_t day, char out[CLOCK_DATE_SIZE]);
/* Reads that form and no other; KERR_INVALID also for days that no month has. */
enum kerr clock_date_parse(const char *text, size_t len, int64_t *ret_day) MUST_CHECK;
/* Makes the named IANA zone the one of clock_day_start() and clock_day_of(), and of the
 * process (TZ); UTC before. Reads /usr/share/zoneinfo, so call it before the jail, and
 * before there are threads. KERR_INVALID: no name of a zone; KERR_NOTFOUND: its data is
 * not there. */
enum kerr clock_zone_load(const char *zone, struct fault *fault) MUST_CHECK;
/* The first moment of that civil day in the zone: 00:00, or the first moment after it
 * where that is skipped. */
int64_t clock_day_start(int64_t day);
/* The civil day in the zone at t. */
int64_t clock_day_of(int64_t t);

#endif
