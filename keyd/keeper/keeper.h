#ifndef KEYD_KEEPER_KEEPER_H
#define KEYD_KEEPER_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "keyd/keeper/audit/audit.h"
#include "keyd/keeper/index/index.h"
#include "keyd/keeper/job.h"
#include "keyd/keeper/peers.h"
#include "keyd/keeper/store/store.h"
#include "keyd/keeper/vault/vault.h"
#include "keyd/role/start.h"

/* The keeper's threads and what each may touch:
 *
 *   answer  this struct's first part, the index, the peers. Never the disk.
 *   write   store (writing), audit, vault while it opens. One change after the other.
 *   read    a store reader each.
 *   sign    the signing keys' private halves.
 *   hash    Argon2id for slots.
 *   wait    answers that release a secret, until the sink has their record.
 *
 * They meet in queues: a job goes to a lane and comes back through `done`. */

#define READ_THREADS 2

struct rates;
struct signer_box;
struct usage;

struct keeper {
	/* the answering thread's */
	struct role_start *start;
	uv_loop_t loop;
	uv_poll_t control;
	uv_poll_t listener;
	uv_async_t finished;
	uv_timer_t second;
	struct peers peers;
	struct index *index;
	struct rates *rates;
	struct usage *usage;
	enum phase_bit phase;
	bool stopping;
	int slots;             /* that can unseal */
	const char *automatic; /* what the automatic one withstands; "none" */
	bool starting;         /* the automatic slot is being tried */
	char sealed_why[384];  /* why it did not open; "" */
	bool again;            /* ends, so that the parent starts a fresh one */
	bool damaged;          /* found at start; until the owner accepts */
	bool sink_accepted; /* the owner accepted what the sink lacks or knows better */
	atomic_bool restricted; /* damage or a gap: nothing is active, nothing issued,
				   until accepted */
	int local_listener;
	int waiting[64]; /* accepted connections that no local front has yet */
	unsigned waiting_count;
	uint32_t connections; /* numbers of local connections */
	int64_t started;
	int64_t tokens_since; /* tokens issued before do not count (promise 6) */
	struct record *keys;  /* signing_key_list as the fronts have it */
	struct arena *keys_arena;
	struct arena *round; /* of one message */
	struct vault_macer *jti_macer, *tag_macer;
	uint32_t jti_key;
	uint64_t flushed_us; /* when last uses were given to the write thread */
	uint64_t answered;   /* questions answered, for /metrics */
	uint64_t refused[INDEX_VERDICT__COUNT];

	/* set before threads start, then only read */
	const struct record *settings;
	struct vault *vault;
	char directory[256];
	int state_fd, sink_fd, seal_fd, credential_fd, syslog_fd;
	uid_t owner_uid; /* of the state directory */

	/* the write thread's, and others' only as their headers allow */
	struct store *store;
	struct audit *audit;
	bool empty; /* no init yet */
	struct signer_box *signing;

	/* shared */
	atomic_bool pages_checked,
		pages_damaged; /* SQLite's quick_check after the start */
	atomic_bool disk_full;
	atomic_bool open; /* store and audit are open and serve */
	struct queue write, read, sign, hash, wait, done;
	pthread_t writer, readers[READ_THREADS], signer, hasher, waiter;
};

/* answer.c. Before the jail closes and any thread starts. */
void answer_async_init(struct keeper *k);
/* Runs until the parent says stop. */
enum kerr answer_run(struct keeper *k, struct fault *fault) MUST_CHECK;
/* (any thread) gives a job back to the answering thread. */
void answer_give(struct keeper *k, struct job *j);
/* The lanes: thread functions, with a struct keeper. */
void *write_run(void *keeper);
void *read_run(void *keeper);
void *sign_run(void *keeper);
void *hash_run(void *keeper);
void *wait_run(void *keeper);

#endif
