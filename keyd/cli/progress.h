#ifndef KEYD_CLI_PROGRESS_H
#define KEYD_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* What takes more than a second says so on standard error, when that is a terminal: the
 * seconds, and how much of how much where that is known. */
struct progress {
	const char *what; /* NULL: waiting for keyd */
	uint64_t started; /* microseconds */
	uint64_t shown;
	bool visible;
};

/* Begins counting; what (static) is said while it takes long. */
void progress_start(struct progress *p, const char *what);
/* Call often. total 0: not known; both 0: nothing is counted. Bytes. */
void progress_step(struct progress *p, uint64_t done, uint64_t total);
void progress_end(struct progress *p); /* takes the line away */
uint64_t progress_seconds(const struct progress *p);

#endif
