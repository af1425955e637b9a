#ifndef KEYD_ROLE_START_H
#define KEYD_ROLE_START_H

#include <stdint.h>

#include "core/record.h"
#include "keyd/role/gate.h"

/* How a program becomes a process of keyd. The parent starts it with a SOCK_SEQPACKET
 * channel to itself on descriptor ROLE_CONTROL_FD and, for fronts and courier, one to the
 * keeper on ROLE_KEEPER_FD; it sends SETTINGS, then a descriptor a message, then GO. A
 * main is:
 *
 *   role_start(kind)     hardened, everything received, no longer root
 *   …                    TLS contexts, zone data, loop, threads, first file openings
 *   sandbox_enter(…)     keyd/role/sandbox.h
 *   role_ready()         then role_alive() every ROLE_ALIVE_SECONDS from the loop
 *   role_next()          whenever the control channel is readable
 */

#define ROLE_CONTROL_FD 3
#define ROLE_KEEPER_FD  4
#define ROLE_ALIVE_SECONDS                                                               \
	5 /* the parent takes a role that is silent for 30 s as stuck */
#define ROLE_HANDOVERS_MAX 160
/* Exit status of a role that cannot start and said why in the log: trying again will not
 * help. A parent that has not served yet then ends too. */
#define ROLE_EXIT_HOPELESS 2

struct role_handover {
	enum handover_word what;
	enum peer_kind kind; /* HANDOVER_PEER: what the peer is */
	int64_t number; /* HANDOVER_PEER: the peer's number, used once in the life of a
			   keeper */
	int fd;         /* -1 once it was taken */
};

struct role_start {
	enum peer_kind kind;
	int control; /* channel to the parent, non-blocking */
	int keeper;  /* channel to the keeper, non-blocking; -1 in the keeper itself */
	struct record *settings; /* complete and checked; of settings_schema; as long as
				    the process lives */
	struct role_handover
		handovers[ROLE_HANDOVERS_MAX]; /* in the order in which they came */
	unsigned handover_count;
	struct arena *arena; /* of the settings */
	struct frame_in *in; /* of the control channel */
};

/* Makes this process the role kind and waits (blocking, at most 30 s a message) until the
 * parent has said GO: no dumps, no new privileges, umask 077, SIGPIPE ignored, every
 * descriptor closed but 0–2 and the channels, ends with the parent; when it is root, it
 * becomes the role's user of the settings for good (verified). Starts the log with role's
 * name, level and format. KERR_PROTOCOL when it was not started by keyd-parent,
 * KERR_DENIED when the user is missing or root could come back, KERR_CLOSED when the
 * parent went. Call once, before any thread. The fault's text is for the log. */
enum kerr role_start(
	enum peer_kind kind, struct role_start *ret, struct fault *fault) MUST_CHECK;
void role_end(struct role_start *s); /* closes what was not taken, frees; NULL is fine */

/* The next handed-over descriptor of that word, which the caller then owns; -1 when there
 * is none left. Listeners are several: call until -1. ret may be NULL, else receives
 * number and kind too. */
int role_take(struct role_start *s, enum handover_word what, struct role_handover *ret);

/* Tells the parent that the role serves; a local front says it a second time when it has
 * received its connection, whereupon another one is started to wait. Any thread;
 * KERR_BUSY, KERR_CLOSED. */
enum kerr role_ready(struct role_start *s) MUST_CHECK;
/* Tells the parent that the loop turns. A full channel is no failure. Any thread. */
enum kerr role_alive(struct role_start *s) MUST_CHECK;
/* The keeper asks for the orderly stop of everything. Any thread. */
enum kerr role_ask_stop(struct role_start *s) MUST_CHECK;

enum role_event_kind {
	ROLE_EVENT_STOP,     /* finish what is in hand, then exit 0 */
	ROLE_EVENT_SETTINGS, /* the reloadable settings in s->settings changed (the log
				follows by itself) */
	ROLE_EVENT_HANDOVER, /* a descriptor: a new peer; a certificate, after which its
				key follows */
};
struct role_event {
	enum role_event_kind kind;
	struct role_handover handover; /* the receiver owns its fd */
};
/* The next thing the parent said. KERR_BUSY: nothing waits; KERR_CLOSED: the parent is
 * gone, exit; KERR_PROTOCOL: exit. Only the thread that owns the control channel. */
enum kerr role_next(struct role_start *s, struct role_event *ret) MUST_CHECK;

/* Name of a kind for log and command line: "front", "local-front", "keeper", "parent",
 * "courier". Static. */
const char *peer_kind_name(enum peer_kind kind);

/* The parts that the parent uses for itself too. No dumps (RLIMIT_CORE 0, not dumpable),
 * no new privileges, umask 077, SIGPIPE ignored. KERR_IO. */
enum kerr role_harden(struct fault *fault) MUST_CHECK;

#endif
