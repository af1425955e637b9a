#include "keyd/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"

#define SECOND UINT64_C(1000000)
#define EVERY  (SECOND / 4)
#define MIB    (UINT64_C(1) << 20)

void
progress_start(struct progress *p, const char *what)
{
	*p = (struct progress){.what = what, .started = clock_monotonic_us()};
}

uint64_t
progress_seconds(const struct progress *p)
{
	return (clock_monotonic_us() - p->started) / SECOND;
}

void
progress_step(struct progress *p, uint64_t done, uint64_t total)
{
	uint64_t now = clock_monotonic_us();

	if (now - p->started < SECOND || now - p->shown < EVERY || !isatty(STDERR_FILENO))
		return;
	p->shown = now;
	p->visible = true;
	fprintf(stderr, "\r\033[K%s, %" PRIu64 " s",
		p->what ? p->what : "waiting for keyd", progress_seconds(p));
	if (total)
		fprintf(stderr, ", %" PRIu64 " of %" PRIu64 " MiB", done / MIB,
			total / MIB);
	else if (done)
		fprintf(stderr, ", %" PRIu64 " MiB", done / MIB);
	fflush(stderr);
}

void
progress_end(struct progress *p)
{
	if (p->visible)
		fputs("\r\033[K", stderr);
	p->visible = false;
}
