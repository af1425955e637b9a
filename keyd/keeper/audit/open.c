#include "keyd/keeper/audit/parts.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#define ROWS_MAX (32 * 1024 * 1024)
#define SLOTS    2
#define PAGE     500

/* What opening has found out so far. */
struct opening {
	struct audit *audit;
	struct trail trail;
	struct signer found[SLOTS]; /* seed NULL: nothing there */
};

/* A head that was signed, but not published before keyd ended: its record is here. */
static enum kerr
try_pending(void *with, const struct record *row)
{
	struct opening *o = with;
	struct trail *t = &o->trail;

	(void)row;
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct signer *s = &o->found[i];
		struct trail_text text = {s->note, s->note_len};
		struct note n;

		if (s->note_len == 0 || note_read(text, &n) != KERR_OK ||
			n.seq != t->at.seq || n.seq <= t->head.seq ||
			strcmp(n.segment, t->segment) != 0 ||
			memcmp(n.hash, t->at.hash, sizeof(n.hash)) != 0 ||
			note_verify(&n, t->signer) != KERR_OK ||
			memcmp(n.next, s->key, sizeof(n.next)) != 0)
			continue;
		o->audit->pending = true;
		return trail_head(t, text);
	}
	return KERR_OK;
}

static enum kerr
walk_tail(struct opening *o)
{
	const struct rows_walk w = {.reader = store_as_reader(o->audit->store),
		.arena = o->audit->arena,
		.trail = &o->trail,
		.before = try_pending,
		.with = o};
	struct note head;
	enum kerr err = rows_newest_head(w.reader, w.arena, &head);

	if (err == KERR_OK) {
		uint8_t hash[TRAIL_HASH_LEN];

		err = rows_hash(w.reader, w.arena, head.seq, hash);
		if (err == KERR_NOTFOUND ||
			(err == KERR_OK && memcmp(hash, head.hash, sizeof(hash)) != 0))
			return trail_wrong(&o->trail, head.seq,
				"the newest head names record %" PRIu64
				", which is missing or another one",
				head.seq);
		trail_resume(&o->trail, &head);
		o->audit->head = head;
	}
	if (err != KERR_OK && err != KERR_NOTFOUND)
		return err == KERR_DAMAGED ? trail_wrong(&o->trail, 1,
						     "the newest head is no signed head")
					   : err;
	return rows_walk(&w);
}

/* MACs of the records behind the signer's beginning. */
struct mac_check {
	struct trail *trail;
	struct secret *key;
	uint64_t seq; /* record that was looked at */
	enum kerr err;
};

static enum kerr
check_mac(void *with, struct record *row)
{
	struct mac_check *m = with;
	uint8_t hash[TRAIL_HASH_LEN], mac[TAIL_MAC_LEN];
	size_t len = 0;
	const uint8_t *stored = record_bytes(row, ROW_AUDIT_RECORD_MAC, &len);
	struct secret *next = tail_after(m->key, 1);

	m->err = next == NULL ? KERR_NOMEM : rows_hash_of(row, hash);
	if (m->err != KERR_OK) {
		secret_free(next);
		return KERR_CLOSED;
	}
	tail_mac(m->key, hash, mac);
	secret_free(m->key);
	m->key = next;
	m->seq = (uint64_t)record_int(row, ROW_ID);
	if (len == sizeof(mac) && sodium_memcmp(mac, stored, sizeof(mac)) == 0)
		return KERR_OK;
	m->err = trail_wrong(m->trail, m->seq,
		"record %" PRIu64
		", behind the newest head, was not written by this keyd",
		m->seq);
	return KERR_CLOSED;
}

/* Begins the tail where the signer began, and follows it to the newest record. Where the
 * chain is damaged already, MACs say nothing more. */
static enum kerr
follow_tail(struct opening *o)
{
	struct audit *a = o->audit;
	const struct signer *s = &a->keys.signer;
	struct mac_check m = {.trail = &o->trail, .seq = s->since};
	enum kerr err = KERR_OK;

	m.key = tail_start(a->vault, s->tail_key, s->salt, s->segment, s->since);
	if (m.key == NULL)
		return KERR_NOMEM;
	while (o->trail.wrong == 0 && m.seq < a->now.seq && err == KERR_OK) {
		uint64_t before = m.seq;

		err = rows_page(
			store_as_reader(a->store), a->arena, m.seq, PAGE, check_mac, &m);
		if (err == KERR_OK)
			err = m.err;
		if (m.seq == before)
			break;
	}
	a->keys.tail = m.key;
	a->keys.tail_seq = a->now.seq;
	return err;
}

/* Which of the signers is the chain's. */
static struct signer *
choose(struct opening *o)
{
	struct signer *best = NULL;

	for (unsigned i = 0; i < SLOTS; i++) {
		struct signer *s = &o->found[i];

		if (s->seed == NULL || strcmp(s->segment, o->audit->now.segment) != 0)
			continue;
		if (o->audit->now.seq > 0 &&
			memcmp(s->key, o->trail.signer, sizeof(s->key)) != 0)
			continue;
		if (best == NULL || s->counter > best->counter)
			best = s;
	}
	return best;
}

/* A signer for a chain that has none: the very first one, or the file was lost. */
static enum kerr
make_signer(struct opening *o)
{
	struct audit *a = o->audit;
	uint64_t counter = 0;
	enum kerr err;

	for (unsigned i = 0; i < SLOTS; i++) {
		if (o->found[i].counter > counter)
			counter = o->found[i].counter;
	}
	err = signer_new(
		&a->keys.signer, a->vault, a->now.segment, a->now.seq, counter + 1);
	if (err == KERR_OK)
		err = signer_save(a->state_fd, a->vault, &a->keys.signer);
	if (err == KERR_OK)
		err = signer_forget_other(a->state_fd, &a->keys.signer);
	if (err != KERR_OK)
		return err;
	a->keys.tail = tail_start(a->vault, a->keys.signer.tail_key, a->keys.signer.salt,
		a->now.segment, a->now.seq);
	a->keys.tail_seq = a->now.seq;
	return a->keys.tail != NULL ? KERR_OK : KERR_NOMEM;
}

static enum kerr
take_signer(struct opening *o)
{
	struct audit *a = o->audit;
	struct signer *s = choose(o);
	enum kerr err;

	if (s == NULL)
		return make_signer(o);
	a->keys.signer = *s;
	*s = (struct signer){.seed = NULL};
	a->keys.introduced = a->now.seq > 0 ? 1 : 0;
	err = follow_tail(o);
	if (err == KERR_OK || err == KERR_DAMAGED) {
		enum kerr forgot = signer_forget_other(a->state_fd, &a->keys.signer);

		if (forgot != KERR_OK)
			return forgot;
	}
	return err;
}

static enum kerr
load_signers(struct opening *o)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		enum kerr err =
			signer_load(o->audit->state_fd, o->audit->vault, i, &o->found[i]);

		/* a torn slot is a signer that nothing depends on yet */
		if (err != KERR_OK && err != KERR_NOTFOUND && err != KERR_DAMAGED)
			return err;
	}
	return KERR_OK;
}

/* A chain without a record: its segment may have been named at an earlier start. */
static void
place_first(struct opening *o, uint64_t seq)
{
	struct audit *a = o->audit;

	chain_name(&a->now, vault_deployment(a->vault), seq + 1);
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct signer *s = &o->found[i];

		if (s->seed != NULL && s->since == seq && seq == 0) {
			memcpy(a->now.segment, s->segment, sizeof(s->segment));
			trail_begin(a->now.segment, a->now.head);
		}
	}
}

/* Where the chain is: behind everything that is stored or sealed, so that a damaged
 * record is never written over. */
static enum kerr
place_chain(struct opening *o)
{
	struct audit *a = o->audit;
	struct trail *t = &o->trail;
	struct trail_text name = {t->segment, strlen(t->segment)};
	struct audit_mark newest = {.seq = 0};
	struct store_state state;
	enum kerr err = rows_newest(store_as_reader(a->store), a->arena, &newest);

	if (err != KERR_OK && err != KERR_NOTFOUND && err != KERR_DAMAGED)
		return err;
	store_state_get(a->store, &state);
	if (state.audit_seq != newest.seq ||
		(newest.seq > 0 &&
			memcmp(state.audit_head, newest.head, TRAIL_HASH_LEN) != 0))
		trail_wrong(t, newest.seq + 1,
			"the sealed state says that record %" PRIu64
			" is the newest, but the chain ends with record %" PRIu64
			" or another one",
			state.audit_seq, newest.seq);
	if (state.audit_seq > newest.seq) {
		newest.seq = state.audit_seq;
		memcpy(newest.head, state.audit_head, sizeof(newest.head));
	}
	if (trail_segment_first(name, &a->now.first) == KERR_OK)
		memcpy(a->now.segment, t->segment, sizeof(a->now.segment));
	else
		place_first(o, newest.seq);
	if (newest.seq > 0) {
		a->now.seq = newest.seq;
		memcpy(a->now.head, newest.head, sizeof(a->now.head));
	}
	return KERR_OK;
}

static enum kerr
open_chain(struct audit *a, struct fault *fault)
{
	struct opening *o = mem_new(1, sizeof(*o));
	enum kerr err = KERR_NOMEM;

	if (o == NULL)
		return KERR_NOMEM;
	o->audit = a;
	err = load_signers(o);
	if (err == KERR_OK)
		err = walk_tail(o);
	if (err == KERR_OK || err == KERR_DAMAGED)
		err = place_chain(o);
	if (err == KERR_OK)
		err = take_signer(o);
	if (err == KERR_OK || err == KERR_DAMAGED) {
		a->committed = a->now;
		err = KERR_OK;
		if (o->trail.wrong != 0)
			a->damage = fault_set(&a->fault, KERR_DAMAGED, "audit",
				"the audit chain is damaged: %s", o->trail.text);
	} else {
		(void)fault_set(fault, err, "audit",
			"the audit chain cannot be opened: %s", kerr_text(err));
	}
	for (unsigned i = 0; i < SLOTS; i++)
		signer_clear(&o->found[i]);
	mem_free(o);
	return err;
}

enum kerr
audit_open(struct store *s, struct vault *v, int state_fd, struct audit **ret,
	struct fault *fault)
{
	struct audit *a = mem_new(1, sizeof(*a));
	enum kerr err = KERR_NOMEM;

	if (a == NULL || pthread_mutex_init(&a->lock, NULL) != 0) {
		mem_free(a);
		return fault_set(fault, KERR_NOMEM, "audit", "out of memory");
	}
	a->store = s;
	a->vault = v;
	a->state_fd = state_fd;
	a->syslog = -1;
	buf_init(&a->line, AUDIT_LINE_MAX);
	a->arena = arena_new(ROWS_MAX);
	if (a->arena != NULL)
		err = open_chain(a, fault);
	if (err != KERR_OK) {
		audit_close(a);
		return err;
	}
	*ret = a;
	return KERR_OK;
}

enum kerr
audit_damage(const struct audit *a, struct fault *fault)
{
	if (a->damage != KERR_OK && fault != NULL)
		*fault = a->fault;
	return a->damage;
}

void
audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	audit_sink_stop(a);
	keys_clear(&a->keys);
	keys_clear(&a->former);
	buf_clear(&a->line);
	arena_free(a->arena);
	pthread_mutex_destroy(&a->lock);
	mem_free(a);
}
