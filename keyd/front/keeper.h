#ifndef KEYD_FRONT_KEEPER_H
#define KEYD_FRONT_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/frame.h"

/* The front's questions to the keeper. Those of one round of the loop go in one frame,
 * when keeper_flush() is called at the round's end; at most KEEPER_FRAMES_MAX frames
 * are open, then whoever asks is told KERR_BUSY (503 for a caller). An answer finds its
 * asker by number, never by address, so one that is gone meanwhile does no harm. */

#define KEEPER_FRAMES_MAX    64
#define KEEPER_QUESTIONS_MAX 8192

struct keeper;

/* Whose question it is: any two numbers that the asker knows again. */
struct keeper_asker {
	uint32_t slot;
	uint32_t serial;
};

struct keeper_events {
	/* An answer; the message is borrowed. For a question that can no longer be
	 * answered (the keeper is gone, or broke the protocol) it has status
	 * KERR_CLOSED and no payload. */
	void (*answered)(
		void *context, struct keeper_asker asker, const struct message *m);
	/* What the keeper says of itself: KEYS, PHASE_IS, CONNECTION. A descriptor in
	 * it is the receiver's. */
	void (*told)(void *context, const struct message *m);
	/* The channel is about to be closed: stop watching it. */
	void (*gone)(void *context);
	void *context;
};

/* Without a channel yet; NULL: no memory. */
struct keeper *keeper_new(const struct keeper_events *events);
void keeper_free(struct keeper *k); /* closes; NULL is fine */

/* A channel to a (new) keeper, which is taken over. Questions that are open are ended
 * first. */
void keeper_attach(struct keeper *k, int fd);
int keeper_fd(const struct keeper *k); /* -1: there is none */
/* Does a frame wait until the channel is writable? */
bool keeper_wants_write(const struct keeper *k);

/* Asks; *ret_id (may be NULL) is never 0. KERR_BUSY: too much is open. KERR_CLOSED: no
 * keeper. KERR_TOO_LARGE. */
enum kerr keeper_ask(struct keeper *k, uint16_t number, const void *payload, size_t len,
	struct keeper_asker asker, uint32_t *ret_id) MUST_CHECK;
/* The same with a payload in a memfd of that length, which is sealed and taken over on
 * success. */
enum kerr keeper_ask_memfd(struct keeper *k, uint16_t number, int memfd, size_t len,
	struct keeper_asker asker) MUST_CHECK;

/* Sends what was asked since the last time. */
void keeper_flush(struct keeper *k);
/* The channel is readable or writable. */
void keeper_step(struct keeper *k);
/* Takes the mapping out of the answer in hand, so that it outlives the event; whoever
 * takes it unmaps it. NULL when the answer came in the frame itself. */
void *keeper_take_map(struct keeper *k, size_t *ret_len);

/* Frames sent, or being filled, with a question that waits. */
unsigned keeper_open_frames(const struct keeper *k);
/* Questions that wait for their answer. */
unsigned keeper_open_questions(const struct keeper *k);

#endif
