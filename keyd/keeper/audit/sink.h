#ifndef KEYD_KEEPER_AUDIT_SINK_H
#define KEYD_KEEPER_AUDIT_SINK_H

#include "keyd/keeper/audit/parts.h"
#include "keyd/keeper/audit/sink_file.h"

/* The sink's thread and what it shares with others. It knows no struct audit: a thread
 * that hangs in the sink's file system may outlive it. */

enum sink_trouble {
	SINK_FINE,
	SINK_TROUBLE, /* cannot be read or written; tried again */
	SINK_STUCK,   /* the database gives no sound record to write */
	SINK_DIFFERS, /* ahead, or another chain: nothing is written */
};

#define SINK_OUT_MAX (4 * 1024 * 1024)

struct sink {
	pthread_t thread;
	int dir;
	int place;  /* enum sink_place_word */
	int syslog; /* datagram socket of the system's log, not ours; -1: none */

	/* the thread's own */
	struct store_reader *reader;
	struct arena *arena;
	struct buf out;
	struct chain_place at; /* the segment whose files are open, and how far they go */
	struct note head;      /* newest in the heads file; seq 0: none */
	struct sink_file records, heads;
	bool differs;     /* this segment is not written to */
	unsigned backoff; /* seconds */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct chain_place goal;
	char still[NOTE_MAX];
	size_t still_len;
	uint64_t still_seq;
	bool woken, stop;
	bool ended;     /* the thread is about to return */
	bool abandoned; /* nobody waits for it: it frees the sink itself */
	bool reading;   /* is in the database */
	bool compared;
	uint64_t busy_us; /* since when it is in the sink's file system; 0: it is not */
	uint64_t lag_us;  /* since when records are waiting; 0: none are */
	uint64_t retry_us;
	uint64_t seq; /* in the sink */
	enum sink_trouble trouble;
	char text[256];
};

/* syslog.c: one datagram a line of records. Never waits and never fails. */
void syslog_send(int fd, const char *records, size_t len);

/* sink.c: around every call that may hang, and around reading the database. The latter
 * fails with KERR_CLOSED when the store must not be touched any more. */
void sink_busy(struct sink *s, bool busy);
enum kerr sink_read_begin(struct sink *s) MUST_CHECK;
void sink_read_end(struct sink *s);
/* Says what is wrong, for people. */
void sink_says(struct sink *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* start.c: opens the files of the goal's segment and compares them, and those of other
 * segments, with the database. KERR_OK: s->at and s->head say how far they go.
 * KERR_CONFLICT: ahead, or other; KERR_IO, KERR_DAMAGED: unreadable. */
enum kerr sink_compare(struct sink *s, const struct chain_place *goal) MUST_CHECK;
/* enum sink_place_word */
int sink_place_of(int sink_fd, int state_fd);

/* sink_write.c: brings the files up to the goal. */
enum kerr sink_catch_up(struct sink *s, const struct chain_place *goal,
	struct trail_text still) MUST_CHECK;

#endif
