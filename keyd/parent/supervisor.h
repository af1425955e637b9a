#ifndef KEYD_PARENT_SUPERVISOR_H
#define KEYD_PARENT_SUPERVISOR_H

#include <limits.h>
#include <stdbool.h>

#include <uv.h>

#include "keyd/parent/child.h"
#include "keyd/parent/doors.h"

/* Which processes there should be, and what happens when one ends. The keeper comes
 * first; the others are started when it is ready, each with a channel of its own to it,
 * and end with it. */

enum stage {
	STAGE_RUNNING,
	STAGE_FRONTS, /* stopping: requests in flight are finished */
	STAGE_COURIER,
	STAGE_KEEPER,
	STAGE_STOPPED
};

struct slot_state {
	unsigned wanted;
	unsigned failures;      /* starts in a row that came to nothing */
	uint64_t not_before_ms; /* the next start waits until then */
};

struct supervisor {
	uv_loop_t loop;
	const char *config_path;
	char directory[PATH_MAX]; /* of the programs */
	struct arena *arena;      /* of the settings */
	struct record *settings;
	struct doors doors;
	int state, sink, seal_key, credential, certificate, key;
	struct child *children;
	uint32_t last_number;
	struct slot_state slots[SLOT__COUNT];
	struct child_events events;
	enum stage stage;
	bool served;     /* everything was ready once */
	bool foreground; /* a person watches */
	int exit_code;
	uv_timer_t tick, retry, watchdog;
	uv_signal_t term, interrupt, hangup;
};

/* Reads nothing and opens nothing: config_path, directory, settings, doors and
 * descriptors are set before. Returns when everything has stopped, with the exit code. */
int supervisor_run(struct supervisor *s);

/* For reload.c: SIGHUP. Takes over what can be taken over and says what needs a restart.
 */
void supervisor_reload(struct supervisor *s);

#endif
