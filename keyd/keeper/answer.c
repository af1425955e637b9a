#include "keyd/keeper/answer.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/frame.h"
#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/lanes.h"

/* The answering thread: reads questions from the peers, answers from memory or hands a
 * job to a lane, and takes the jobs back. It alone decides what a peer may ask (the gate
 * table), and who is at a local connection. */

#define FRAMES_A_ROUND 16
#define ANSWER_MAX     (1u << 30)
#define JOB_ARENA      ((size_t)4 << 30) /* a ceiling: a backup is one answer */
#define OPEN_MAX       (64 * 64)

void
answer_put(struct keeper *k, const struct question *q, enum kerr status)
{
	struct message m = {.id = q->id,
		.number = q->row->number,
		.status = (uint16_t)status,
		.flags = FRAME_ANSWER,
		.fd = -1};
	struct record *told;
	struct buf b;
	enum kerr err = KERR_OK;

	buf_init(&b, ANSWER_MAX);
	if (status == KERR_OK) {
		if (q->answer != NULL)
			record_encode(q->answer, &b);
	} else if ((told = record_new(k->round, &fault_schema)) != NULL) {
		err = record_set_text(told, FAULT_FIELD, q->fault.field);
		if (err == KERR_OK)
			err = record_set_text(told, FAULT_TEXT,
				q->fault.text[0] != '\0' ? q->fault.text
							 : kerr_text(status));
		if (status == KERR_BUSY || status == KERR_TOO_MANY ||
			status == KERR_FULL || status == KERR_NOT_READY)
			record_set_int(
				told, FAULT_RETRY, status == KERR_TOO_MANY ? 30 : 2);
		if (err == KERR_OK)
			record_encode(told, &b);
	}
	if (err != KERR_OK || buf_error(&b) != KERR_OK) {
		m.status = KERR_NOMEM;
	} else {
		m.payload = b.data;
		m.length = (uint32_t)b.len;
	}
	k->answered++;
	if (peer_put(q->peer, &m) != KERR_OK)
		peer_end(q->peer);
	buf_clear(&b);
}

static void
end_for(struct peer *p, const char *why, unsigned number)
{
	log_write(LOG_ERROR, "peer-ended", "", LOG_TEXT("kind", peer_kind_name(p->kind)),
		LOG_NUM("peer", p->number), LOG_TEXT("why", why),
		LOG_NUM("message", number));
	peer_end(p);
}

/* The request id that the front gave the HTTP request, where the question has one. */
static const char *
request_of(const struct gate_row *row, const struct record *asked)
{
	int f;

	if (asked == NULL)
		return "";
	f = schema_field(row->asked, "request_id");
	return f >= 0 ? record_text(asked, (unsigned)f) : "";
}

static struct queue *
queue_of(struct keeper *k, enum lane lane)
{
	switch (lane) {
	case LANE_FIRST:
	case LANE_WRITE:
		return &k->write;
	case LANE_READ:
	case LANE_ANSWER: /* what this thread may decide only when it knows the person */
		return &k->read;
	case LANE_HASH:
		return &k->hash;
	case LANE_SIGN:
		return &k->sign;
	case LANE_NONE:
		break;
	}
	return NULL;
}

/* Hands the question to its lane; the answer comes back through take_finished(). */
static enum kerr
hand_on(struct keeper *k, struct peer *p, const struct message *m,
	const struct gate_row *row)
{
	struct job *j = job_new(JOB_ARENA + (size_t)m->length * 4);
	enum kerr err = KERR_NOMEM;

	if (j == NULL)
		return KERR_NOMEM;
	j->row = row;
	j->peer = p->number;
	j->id = m->id;
	j->uid = p->uid;
	snprintf(j->user, sizeof(j->user), "%s", p->user);
	err = row->asked == NULL ? KERR_OK
				 : record_decode(row->asked, j->arena, m->payload,
					   m->length, &j->asked);
	if (err == KERR_OK) {
		snprintf(j->request, sizeof(j->request), "%s", request_of(row, j->asked));
		err = queue_put(queue_of(k, row->lane), j, row->lane == LANE_FIRST);
	}
	if (err != KERR_OK)
		job_free(j);
	else
		p->open++;
	return err;
}

static enum kerr
answer_here(struct keeper *k, struct peer *p, const struct message *m,
	const struct gate_row *row)
{
	struct question q = {.peer = p, .id = m->id, .row = row};
	struct record *asked = NULL;
	enum kerr err;

	if (row->asked != NULL) {
		err = record_decode(row->asked, k->round, m->payload, m->length, &asked);
		if (err != KERR_OK)
			return err;
	}
	q.asked = asked;
	if (row->answered != NULL)
		q.answer = record_new(k->round, row->answered);
	if (row->answered != NULL && q.answer == NULL)
		err = KERR_NOMEM;
	else if (row->number == MESSAGE_INTROSPECT)
		err = answer_introspect(k, asked, q.answer);
	else if (row->number == MESSAGE_TOKEN)
		err = answer_token(k, &q);
	else if (row->number == MESSAGE_REVOKE_TOKEN)
		err = answer_revoke(k, &q);
	else if (row->number == MESSAGE_TOKEN_INFO)
		err = answer_token_info(k, asked, q.answer);
	else
		err = answer_service(k, p, row, q.answer, &q.fault);
	if (!q.later)
		answer_put(k, &q, err);
	record_drop_secrets(asked);
	return KERR_OK;
}

static const char *
sentence_of(const struct keeper *k, enum kerr err)
{
	if (err == KERR_PHASE && k->phase == PHASE_BIT_SEALED)
		return "keyd is sealed: keyd unseal opens it";
	if (err == KERR_PHASE && k->phase == PHASE_BIT_EMPTY)
		return "keyd is empty: keyd init or keyd restore begins";
	return kerr_text(err);
}

/* One question. KERR_PROTOCOL ends the peer. */
static enum kerr
question(struct keeper *k, struct peer *p, const struct message *m)
{
	const struct gate_row *row = gate_find(m->number);
	struct question q = {.peer = p, .id = m->id, .row = row};
	enum kerr err = gate_check(row, p->kind, k->phase, m->length);

	if (err == KERR_PROTOCOL || (m->flags & (FRAME_ANSWER | FRAME_WITH_FD)) != 0)
		return KERR_PROTOCOL;
	if (p->kind == PEER_LOCAL_FRONT && !p->taken)
		return KERR_PROTOCOL;
	if (err == KERR_PHASE && k->starting)
		err = fault_set(&q.fault, KERR_NOT_READY, "", "keyd is starting");
	if (err == KERR_OK && k->restricted && gate_issues(row))
		err = fault_set(&q.fault, KERR_NOT_READY, "",
			"keyd found damage or a gap at its start and issues nothing "
			"until the owner has looked: keyd status says what to do");
	if (err == KERR_OK && row->lane != LANE_ANSWER && p->open >= OPEN_MAX)
		err = KERR_BUSY;
	if (err == KERR_OK)
		err = (row->lane == LANE_ANSWER && !answer_needs_person(k, p, row)) ||
				      p->kind == PEER_FRONT
			      ? answer_here(k, p, m, row)
			      : hand_on(k, p, m, row);
	if (err == KERR_OK || err == KERR_PROTOCOL)
		return err;
	if (q.fault.text[0] == '\0')
		fault_set(&q.fault, err, "", "%s", sentence_of(k, err));
	answer_put(k, &q, err);
	return KERR_OK;
}

static void
on_readable(struct peer *p)
{
	struct keeper *k = p->all->data;
	static struct frame_in in; /* only the answering thread comes here */
	static bool ready;
	struct message m;
	enum kerr err = KERR_OK;
	unsigned n;

	if (!ready)
		frame_in_init(&in);
	ready = true;
	for (n = 0; n < FRAMES_A_ROUND && !p->ended; n++) {
		err = frame_recv(p->fd, &in);
		if (err != KERR_OK)
			break;
		while (!p->ended && (err = frame_next(&in, 1u << 30, &m)) == KERR_OK) {
			if (m.fd >= 0)
				close(m.fd);
			if (question(k, p, &m) != KERR_OK) {
				end_for(p, "broke the gate table", m.number);
				break;
			}
			arena_reset(k->round);
		}
		if (err == KERR_PROTOCOL)
			break;
	}
	frame_in_clear(&in);
	frame_in_init(&in);
	if (p->ended)
		return;
	if (err == KERR_PROTOCOL)
		end_for(p, "sent a frame that is none", 0);
	else if (err == KERR_CLOSED)
		peer_end(p);
	else
		peer_flush(p);
}

static void
on_gone(struct peer *p)
{
	struct keeper *k = p->all->data;

	if (k->stopping && k->peers.first == NULL)
		uv_stop(&k->loop);
}

/* Hands an accepted connection down to a waiting local front, under a number. */
static bool
hand_down(struct keeper *k, int fd)
{
	struct peer *p = peers_waiting(&k->peers);
	struct message m = {
		.number = MESSAGE_CONNECTION, .fd = -1, .flags = FRAME_WITH_FD};
	struct ucred who = {.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t len = sizeof(who);
	struct passwd *pw;
	struct record *r;
	struct buf b;

	if (p == NULL)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 ||
		who.uid == (uid_t)-1 || who.uid == 65534) {
		log_write(
			LOG_WARN, "nobody-refused", "", LOG_NUM("uid", (int64_t)who.uid));
		close(fd);
		return true;
	}
	pw = getpwuid(who.uid);
	p->uid = (int64_t)who.uid;
	snprintf(p->user, sizeof(p->user), "%s", pw != NULL ? pw->pw_name : "");
	p->taken = true;
	r = record_new(k->round, &handover_schema);
	buf_init(&b, 256);
	if (r != NULL) {
		record_set_int(r, HANDOVER_WHAT, HANDOVER_CONNECTION);
		record_set_int(r, HANDOVER_NUMBER, ++k->connections);
		record_encode(r, &b);
	}
	m.payload = b.data;
	m.length = (uint32_t)b.len;
	m.fd = fd;
	if (r == NULL || buf_error(&b) != KERR_OK) {
		close(fd);
		peer_end(p);
	} else if (peer_put(p, &m) != KERR_OK) {
		peer_end(p);
	} else {
		peer_flush(p);
	}
	buf_clear(&b);
	arena_reset(k->round);
	return true;
}

#define WAITING_MAX (sizeof(((struct keeper *)NULL)->waiting) / sizeof(int))

static void on_listener(uv_poll_t *poll, int status, int events);

static void
hand_down_waiting(struct keeper *k)
{
	while (k->waiting_count > 0 && hand_down(k, k->waiting[0])) {
		k->waiting_count--;
		memmove(&k->waiting[0], &k->waiting[1],
			k->waiting_count * sizeof(k->waiting[0]));
	}
	if (k->waiting_count < WAITING_MAX &&
		!uv_is_active((const uv_handle_t *)&k->listener) &&
		uv_poll_start(&k->listener, UV_READABLE, on_listener) != 0)
		uv_stop(&k->loop);
}

/* More than that wait in the listener's own queue until a local front takes one. */
static void
on_listener(uv_poll_t *poll, int status, int events)
{
	struct keeper *k = poll->data;
	int fd;

	(void)events;
	while (status == 0 && k->waiting_count < WAITING_MAX &&
		(fd = accept4(k->local_listener, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (k->waiting_count > 0 || !hand_down(k, fd))
			k->waiting[k->waiting_count++] = fd;
	}
	if (k->waiting_count == WAITING_MAX)
		uv_poll_stop(poll);
}

static void
on_control(uv_poll_t *poll, int status, int events)
{
	struct keeper *k = poll->data;
	struct role_event ev;
	struct peer *p;
	enum kerr err = KERR_OK;

	(void)events;
	while (status == 0 && (err = role_next(k->start, &ev)) == KERR_OK) {
		if (ev.kind == ROLE_EVENT_STOP) {
			k->stopping = true;
			uv_stop(&k->loop);
		} else if (ev.kind == ROLE_EVENT_HANDOVER &&
			   ev.handover.what == HANDOVER_PEER) {
			if (peers_add(&k->peers, (uint32_t)ev.handover.number,
				    ev.handover.kind, ev.handover.fd, &p) == KERR_OK) {
				answer_tell(k, p);
				hand_down_waiting(k);
			}
		} else if (ev.kind == ROLE_EVENT_HANDOVER) {
			close(ev.handover.fd);
		}
	}
	if (status < 0 || (err != KERR_OK && err != KERR_BUSY))
		uv_stop(&k->loop);
}

/* The changes of a committed job reach the index before its answer leaves. */
static void
apply_changes(struct keeper *k, struct job *j)
{
	struct op_change *c;

	for (c = j->changes; c != NULL; c = c->next) {
		if (c->row == NULL)
			index_drop(k->index, c->table, c->id);
		else if (index_put(k->index, c->table, c->row) != KERR_OK)
			index_fence(k->index, c->table, c->id);
	}
	j->changes = NULL;
}

static void
finish(struct keeper *k, struct job *j)
{
	struct peer *p = j->peer != 0 ? peers_find(&k->peers, j->peer) : NULL;

	if (j->service != NULL)
		lanes_arrived(k, j);
	j->service = NULL; /* a job that waits for the sink comes here twice */
	apply_changes(k, j);
	if (j->wait_seq != 0 && j->status == KERR_OK) {
		if (queue_put(&k->wait, j, false) == KERR_OK)
			return;
		j->status = fault_set(&j->fault, KERR_NOT_READY, "", "keyd is stopping");
	}
	if (j->peer == 0)
		lanes_own_done(k, j);
	if (j->row->number == MESSAGE_SHUTDOWN && j->status == KERR_OK)
		j->status = role_ask_stop(k->start);
	if (p != NULL) {
		p->open--;
		answer_put(k,
			&(struct question){.peer = p,
				.id = j->id,
				.row = j->row,
				.answer = j->answer,
				.fault = j->fault},
			j->status);
		arena_reset(k->round);
		peer_flush(p);
	}
	job_free(j);
	if (k->again)
		uv_stop(&k->loop);
}

static void
on_finished(uv_async_t *async)
{
	struct keeper *k = async->data;
	struct job *j, *next;

	while ((j = queue_take(&k->done, 256, 0, NULL)) != NULL)
		for (; j != NULL; j = next) {
			next = j->next;
			finish(k, j);
		}
}

void
answer_give(struct keeper *k, struct job *j)
{
	if (queue_put(&k->done, j, false) != KERR_OK)
		job_free(j);
	else
		uv_async_send(&k->finished);
}

static void
on_second(uv_timer_t *timer)
{
	struct keeper *k = timer->data;

	clock_tick();
	lanes_second(k);
	if (role_alive(k->start) != KERR_OK)
		uv_stop(&k->loop);
}

static enum kerr
watch(struct keeper *k, uv_poll_t *poll, int fd, uv_poll_cb on)
{
	poll->data = k;
	if (uv_poll_init(&k->loop, poll, fd) != 0 ||
		uv_poll_start(poll, UV_READABLE, on) != 0)
		return KERR_IO;
	return KERR_OK;
}

static enum kerr
first_peers(struct keeper *k)
{
	struct role_handover h;
	struct peer *p;
	enum kerr err;

	while (role_take(k->start, HANDOVER_PEER, &h) >= 0) {
		err = peers_add(&k->peers, (uint32_t)h.number, h.kind, h.fd, &p);
		if (err != KERR_OK)
			return err;
		answer_tell(k, p);
	}
	return KERR_OK;
}

enum kerr
answer_run(struct keeper *k, struct fault *fault)
{
	enum kerr err = KERR_OK;

	peers_init(&k->peers, &k->loop, on_readable, on_gone, k);
	uv_timer_init(&k->loop, &k->second);
	k->second.data = k;
	if (k->round == NULL)
		return fault_set(
			fault, KERR_NOMEM, "", "no memory for the answering thread");
	err = watch(k, &k->control, k->start->control, on_control);
	if (err == KERR_OK && k->local_listener >= 0)
		err = watch(k, &k->listener, k->local_listener, on_listener);
	if (err == KERR_OK)
		err = first_peers(k);
	if (err == KERR_OK && uv_timer_start(&k->second, on_second, 1000, 1000) != 0)
		err = KERR_IO;
	if (err == KERR_OK)
		err = role_ready(k->start);
	if (err != KERR_OK)
		return fault_set(
			fault, err, "", "the answering thread cannot watch its channels");
	on_finished(&k->finished);
	uv_run(&k->loop, UV_RUN_DEFAULT);
	return KERR_OK;
}

void
answer_async_init(struct keeper *k)
{
	k->finished.data = k;
	uv_async_init(&k->loop, &k->finished, on_finished);
}
