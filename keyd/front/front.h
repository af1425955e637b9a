#ifndef KEYD_FRONT_FRONT_H
#define KEYD_FRONT_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/buf.h"
#include "core/record.h"
#include "keyd/front/jws.h"
#include "keyd/front/keeper.h"
#include "keyd/front/tls.h"
#include "keyd/front/token_cache.h"

/* The front as one process: its loop, what it knows, what it counts. The parts of the
 * room share it; outside of the room only main.c and tests see it. */

struct connection;
struct exchange;

/* Which door a request came in by. Each route names its doors. */
enum door { DOOR_PUBLIC = 1, DOOR_ADMIN = 2, DOOR_LOCAL = 4 };

#define FRONT_ROUTES_MAX    128
#define FRONT_CLASSES       6 /* of status: 1xx … 5xx, and 0 for a lost caller */
#define FRONT_LISTENERS_MAX 16
#define FRONT_REQUEST_ID    32 /* hexadecimal digits */

struct front_counters {
	uint64_t requests[FRONT_ROUTES_MAX][FRONT_CLASSES];
	uint64_t refused; /* what was no request, or no route's */
	uint64_t accepted;
	uint64_t turned_away; /* over a limit of connections */
	uint64_t handshakes;
	uint64_t handshakes_failed;
	uint64_t timeouts;
	uint64_t cache_hits;
	uint64_t cache_misses;
	uint64_t keeper_busy;
};

struct front_limits {
	uint32_t connections;
	uint32_t connections_source;
	uint64_t handshake_ms;
	uint64_t request_ms;
	uint64_t idle_ms;
	uint64_t answer_ms;
};

struct front_listener {
	uv_poll_t poll;
	struct front *front;
	enum door door;
	bool paused; /* out of descriptors: the sweep tries again */
	int fd;      /* -1: closed */
};

struct front {
	uv_loop_t loop;
	uv_prepare_t round_end; /* sends what the round has asked */
	uv_timer_t sweep;
	uv_poll_t *keeper_poll; /* of the channel as it is; NULL: there is none */
	bool local;             /* serves one person's connection, then ends */
	bool plain;             /* listeners without TLS, in tests */
	bool stopping;          /* finishes what is in hand */
	bool ended;
	int64_t phase; /* enum phase_name_word; -1: not known yet */
	const char *issuer;
	struct front_limits limits;
	struct keeper *keeper;
	struct jws *jws;
	struct token_cache *cache;
	struct tls *tls;
	struct sources *sources; /* connections of each address */
	struct proxies *proxies; /* whose word about an address counts; NULL: nobody's */
	struct connections *table; /* by slot */
	struct buf key_set;        /* /oauth/jwks, as it is sent */
	struct buf metadata;
	struct exchange *spare; /* a few that are free, with their memory */
	unsigned spare_count;
	unsigned listener_count;
	struct front_listener listeners[FRONT_LISTENERS_MAX];
	struct front_counters counters;
	unsigned random_left;
	uint8_t random[2048];
	uint64_t date_second;
	char date[32]; /* RFC 9110 section 5.6.7, of date_second */
	/* Called when a local front has its connection; NULL is fine. */
	void (*connected)(void *context);
	void *context;
};

/* Sets everything up but listeners and certificate: what the jail would not let happen
 * later. settings stay the caller's and must outlive it. After a failure front_clear() is
 * still to be called. */
enum kerr front_init(struct front *f, bool local, const struct record *settings,
	struct fault *fault) MUST_CHECK;
void front_clear(struct front *f);

/* Takes a listening socket over. KERR_TOO_LARGE, KERR_IO. */
enum kerr front_listen(struct front *f, int fd, enum door door) MUST_CHECK;
/* Takes the channel to the keeper over, the first or another one. */
void front_attach_keeper(struct front *f, int fd);
/* Serves a connected socket, which is taken over. */
void front_serve(struct front *f, int fd, enum door door);

/* Turns the loop until it is stopped, or once. */
void front_run(struct front *f);
void front_turn(struct front *f, bool wait);
#define FRONT_STOP_MS 10000
/* No new connection; requests in hand are finished, for at most FRONT_STOP_MS. */
void front_stop(struct front *f);

uint64_t front_now(const struct front *f); /* of the loop, milliseconds */
/* Random digits for a request. */
void front_request_id(struct front *f, char ret[FRONT_REQUEST_ID + 1]);
const char *front_date(struct front *f);
/* The front's own counters in Prometheus' text form. */
void front_write_metrics(const struct front *f, struct buf *out);

#endif
