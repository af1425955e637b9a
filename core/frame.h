#ifndef KEYD_CORE_FRAME_H
#define KEYD_CORE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Messages between keyd's processes over SOCK_SEQPACKET. A frame is one datagram of at
 * most FRAME_MAX bytes and holds one or more messages: a header of 16 bytes, little
 * endian, then the payload.
 *
 *   u32 id       chosen by the asker, repeated in the answer; 0: wants none
 *   u16 message  a number of keyd/role/message.def
 *   u16 status   enum kerr in an answer, 0 in a question
 *   u32 length   of the payload that follows, or, with FRAME_IN_MEMFD, of the memfd
 *   u32 flags
 *
 * At most one descriptor rides on a frame, and then the frame holds that one message. A
 * memfd must carry all four seals and be of the size the header says, else the receiver
 * ends the peer. */

#define FRAME_MAX    32768
#define FRAME_HEADER 16

enum frame_flag {
	FRAME_ANSWER = 1,
	FRAME_IN_MEMFD = 2, /* the payload is in the descriptor */
	FRAME_WITH_FD = 4,  /* the descriptor is not payload but handed over */
};

struct message {
	uint32_t id;
	uint16_t number;
	uint16_t status;
	uint32_t flags;
	uint32_t length;
	const uint8_t *payload; /* of the frame or its mapping; NULL when length is 0 */
	int fd; /* -1, or a descriptor that the receiver owns (FRAME_WITH_FD) */
};

/* Collects messages for one frame. */
struct frame_out {
	uint8_t bytes[FRAME_MAX];
	size_t len;
	unsigned count;
	int fd; /* -1, or ours until sent */
};

/* An empty frame; its bytes are not touched. */
void frame_out_init(struct frame_out *f);
void frame_out_clear(struct frame_out *f); /* wipes, closes an unsent descriptor */
/* KERR_TOO_LARGE when it does not fit beside what is there: send first, then put again.
 * m->fd is taken over on success (and FRAME_WITH_FD set). A payload that is larger than
 * a frame goes by frame_put_large. KERR_INVALID for flags that do not agree with m->fd.
 */
enum kerr frame_put(struct frame_out *f, const struct message *m) MUST_CHECK;
/* Puts the payload, which must not be empty, into a sealed memfd; the frame must be
 * empty and m->fd -1 (KERR_INVALID). KERR_NOMEM, KERR_IO. */
enum kerr frame_put_large(struct frame_out *f, const struct message *m) MUST_CHECK;
/* The same with a memfd (m->fd, of m->length bytes, made with MFD_ALLOW_SEALING) that
 * the caller has filled; it is sealed here and taken over on success. */
enum kerr frame_put_memfd(struct frame_out *f, const struct message *m) MUST_CHECK;
/* KERR_BUSY when the socket is full (nothing was sent; try when writable), KERR_CLOSED
 * when the peer is gone, KERR_TOO_LARGE when the socket's send buffer cannot hold it. On
 * success the frame is empty again. */
enum kerr frame_send(int sock, struct frame_out *f) MUST_CHECK;

/* Receives one frame. */
struct frame_in {
	uint8_t bytes[FRAME_MAX];
	size_t len;
	size_t at;
	int fd;    /* -1, or the frame's descriptor, ours until taken */
	void *map; /* mapping of the last large payload */
	size_t map_len;
};

/* No frame yet; its bytes are not touched. */
void frame_in_init(struct frame_in *f);
void frame_in_clear(struct frame_in *f); /* wipes, unmaps, closes */
/* KERR_BUSY: nothing there. KERR_CLOSED: end of file. KERR_PROTOCOL: truncated, more
 * than one descriptor. */
enum kerr frame_recv(int sock, struct frame_in *f) MUST_CHECK;
/* The next message of the frame; KERR_NOTFOUND after the last; KERR_PROTOCOL when
 * malformed. max_len bounds a memfd before it is mapped. The payload is borrowed until
 * the next frame_recv/frame_in_clear. */
enum kerr frame_next(struct frame_in *f, size_t max_len, struct message *ret) MUST_CHECK;

#endif
