#ifndef KEYD_KEEPER_PEERS_H
#define KEYD_KEEPER_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/buf.h"
#include "core/frame.h"
#include "keyd/role/gate.h"

/* The processes that the keeper talks to: a channel each, answers collected into frames,
 * what a full channel could not take kept until it can. Belongs to the answering thread.
 */

struct peer {
	struct peer *next;
	uint32_t number;
	enum peer_kind kind;
	int fd;
	bool ended;  /* closing; no more is read or sent */
	bool full;   /* the channel took no more; waits until it is writable */
	bool taken;  /* a local front that has its connection */
	int64_t uid; /* of the person at its connection; -1: none */
	char user[33];
	unsigned open; /* questions that other threads have in hand */
	struct frame_out out;
	struct pending *pending, *pending_last; /* what did not fit */
	uv_poll_t poll;
	struct peers *all;
};

typedef void (*peer_readable)(struct peer *p);
typedef void (*peer_gone)(struct peer *p);

struct peers {
	uv_loop_t *loop;
	struct peer *first;
	size_t count;
	peer_readable readable;
	peer_gone gone; /* called once, before the peer is freed */
	void *data;
};

/* No peers yet; readable and gone are called on the loop's thread with data in all->data.
 */
void peers_init(struct peers *all, uv_loop_t *loop, peer_readable readable,
	peer_gone gone, void *data);
/* Takes the descriptor over; KERR_NOMEM, KERR_IO close it. */
enum kerr peers_add(struct peers *all, uint32_t number, enum peer_kind kind, int fd,
	struct peer **ret) MUST_CHECK;
/* NULL when that peer is gone. */
struct peer *peers_find(struct peers *all, uint32_t number);
/* A local front that waits for a connection; NULL when there is none. */
struct peer *peers_waiting(struct peers *all);
size_t peers_of(const struct peers *all, enum peer_kind kind);
/* Closes the channel and forgets the peer at the end of the loop's round. */
void peer_end(struct peer *p);

/* Puts a message into the peer's next frame (or behind it); payload is copied. m->fd is
 * taken over. */
enum kerr peer_put(struct peer *p, const struct message *m) MUST_CHECK;
/* Sends what was put, or waits until the channel is writable. */
void peer_flush(struct peer *p);

#endif
