#ifndef KEYD_PARENT_CHILD_H
#define KEYD_PARENT_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "core/record.h"
#include "keyd/role/gate.h"

/* One process that the parent started, its control channel, and what it was told and has
 * said. What its end means is the supervisor's to decide. */

enum slot { SLOT_KEEPER, SLOT_COURIER, SLOT_FRONT, SLOT_LOCAL, SLOT__COUNT };

struct child;

struct child_events {
	/* READY, ALIVE or STOP_ASKED. */
	void (*said)(void *context, struct child *c, enum message_number what);
	/* It broke the protocol (and was killed) or closed its channel; ended() follows.
	 */
	void (*lost)(void *context, struct child *c, enum kerr why);
	/* The process is gone: exit status, or the signal that ended it. c is freed after
	 * it. */
	void (*ended)(void *context, struct child *c, int64_t status, int signal);
	void *context;
};

struct child {
	struct child *next; /* the supervisor's list */
	enum slot slot;
	uint32_t number;
	uint64_t started_ms; /* of the loop's clock */
	uint64_t heard_ms;   /* when it last said something */
	uint64_t kill_ms;    /* 0, or when its patience ends */
	bool ready;
	bool taken;  /* local front: it has its connection */
	bool ending; /* it was told to stop */
	/* child.c's own */
	uv_process_t process;
	uv_poll_t poll;
	int control;
	unsigned closing;
	struct frame_in *in;
	const struct child_events *events;
};

struct child_spec {
	enum slot slot;
	uint32_t number;
	const char *directory; /* where the programs lie */
	int keeper;            /* becomes its channel to the keeper; -1: none */
	const struct child_events *events;
};

const char *child_name(enum slot slot); /* "keeper", as in the log; static */

/* Starts the program. spec->keeper stays the caller's. KERR_NOTFOUND with what to do when
 * the program is not there; KERR_NOMEM, KERR_IO. */
enum kerr child_start(uv_loop_t *loop, const struct child_spec *spec, struct child **ret,
	struct fault *fault) MUST_CHECK;
pid_t child_pid(const struct child *c);

/* Any failure of these means that the child is to be killed: its channel is full, which
 * its reader would never let happen, or gone. Descriptors are taken over, also on
 * failure. */
enum kerr child_tell(struct child *c, enum message_number what) MUST_CHECK;
enum kerr child_tell_settings(struct child *c, const struct record *settings) MUST_CHECK;
enum kerr child_hand(struct child *c, enum handover_word what, int fd) MUST_CHECK;
enum kerr child_hand_peer(
	struct child *keeper, const struct child *peer, int fd) MUST_CHECK;

/* Tells it to stop, and sets when patience with it ends. */
void child_stop(struct child *c, uint64_t patience_ms);
void child_kill(struct child *c);

#endif
