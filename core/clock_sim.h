#ifndef KEYD_CORE_CLOCK_SIM_H
#define KEYD_CORE_CLOCK_SIM_H

#include <stdint.h>

/* The page that is the clock of a build with KEYD_SIM: a file of this layout, named by
 * the environment variable KEYD_SIM_CLOCK, mapped shared by every process and written
 * by the test. Time passes when wall_s and boot_us are moved together; wall_s alone is
 * a step of the wall clock. Waiting (clock_monotonic_us) stays real. Private to
 * core/clock.c and to tests. */

#define CLOCK_SIM_MAGIC UINT64_C(0x4b45594431434c4b)

struct clock_sim {
	uint64_t magic;
	_Atomic int64_t wall_s;       /* CLOCK_REALTIME, seconds since 1970 UTC */
	_Atomic int64_t boot_us;      /* CLOCK_BOOTTIME, microseconds */
	_Atomic int32_t synchronised; /* not 0: a time service is in sync */
	int32_t unused;
};

#endif
