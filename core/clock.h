#ifndef KEYD_CORE_CLOCK_H
#define KEYD_CORE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* The only source of time. Seconds since 1970 UTC (int64) everywhere that is stored or sent; milliseconds or
 * microseconds of the monotonic clock for waiting. Promise 6 of docs/architecture.md: time starts at the later of
 * wall clock and last time seen and advances by CLOCK_BOOTTIME; a step of the wall clock of more than five
 * minutes is not followed until a person confirms it. With KEYD_SIM the page named by KEYD_SIM_CLOCK is
 * the wall clock (tests/support/clock_page.h). */

struct clock_status {
	int64_t now;       /* what keyd goes by */
	int64_t wall;      /* CLOCK_REALTIME */
	int64_t offset;    /* wall - now */
	bool stepped;      /* a step was seen and awaits clock_confirm() */
	bool synchronised; /* adjtimex: the kernel says a time service is in sync */
	bool confirmed;    /* a person confirmed since the start */
};

/* Starts (or starts again) from the later of wall clock and last_seen. Threads may call clock_now() from then on;
 * before it, clock_now() is the wall clock. stopped_unknown tells that a step cannot be told from a long stop. */
void clock_start(int64_t last_seen);
int64_t clock_now(void);
/* Takes small differences of the wall clock over (slewing), notices steps. Call about once a second. */
void clock_tick(void);
/* A person says that the wall clock is right: keyd's time becomes the later of both and follows it. */
void clock_confirm(void);
void clock_status(struct clock_status *ret);
uint64_t clock_monotonic_us(void);

/* 2026-11-24T17:00:00Z into out (at least 21 bytes); "never" texts are the caller's business. */
#define CLOCK_TEXT_SIZE 21
void clock_text(int64_t t, char out[CLOCK_TEXT_SIZE]);
/* RFC 3339 in UTC ("…Z") only. */
enum kerr clock_parse(const char *text, size_t len, int64_t *ret) MUST_CHECK;
/* Civil dates as days since 1970-01-01; "2026-06-30". */
#define CLOCK_DATE_SIZE 11
void clock_date_text(int64_t day, char out[CLOCK_DATE_SIZE]);
enum kerr clock_date_parse(const char *text, size_t len, int64_t *ret_day) MUST_CHECK;
/* The first moment of that civil day in the named IANA zone (00:00, or the first moment after it where that is
 * skipped). KERR_NOTFOUND when the zone's data is not there. Zone data is read at clock_zone_load(), before the jail. */
enum kerr clock_zone_load(const char *zone, struct fault *fault) MUST_CHECK;
int64_t clock_day_start(int64_t day);
int64_t clock_day_of(int64_t t);

#endif
