#ifndef KEYD_PARENT_DOORS_H
#define KEYD_PARENT_DOORS_H

#include "core/record.h"

/* What keyd listens on: one socket per address, shared by all fronts, and the local Unix
 * socket. */

#define DOORS_MAX 8 /* addresses of one door */

struct doors {
	int public[DOORS_MAX];
	unsigned public_count;
	int admin[DOORS_MAX];
	unsigned admin_count;
	int local;
	int lock; /* next to the local socket: whoever holds it may replace the socket */
	char socket[108];
};

/* Opens all of them. On failure nothing stays open, and the fault's sentence says what to
 * do: KERR_BUSY when an address is taken, KERR_DENIED, KERR_NOTFOUND, KERR_IO. */
enum kerr doors_open(
	const struct record *settings, struct doors *ret, struct fault *fault) MUST_CHECK;
/* Closes them here (fronts that have one go on) and takes the socket's name away. Safe
 * twice. */
void doors_close(struct doors *d);

#endif
