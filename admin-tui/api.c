#include "admin-tui/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/wire/http_client.h"
#include "core/wire/json_record.h"

#define PATH_SIZE    108
#define TARGET_MAX   4096
#define BODY_MAX     32768
#define REQUEST_MAX  ((size_t)TARGET_MAX + BODY_MAX + 1024)
#define RESPONSE_MAX ((size_t)8 << 20)
#define RETRY_MS     1000
#define TICK_MS      250
#define DROPPED_MS   300   /* a reading that nobody wants holds others up for that long */
#define READ_MS      30000 /* then it is asked again */
#define ACT_MS       60000
#define TRIES        3

struct call {
	struct call *next;
	char method[8];
	struct buf target, body;
	int64_t version;
	char idempotency[API_REQUEST_ID_SIZE];
	api_done *done; /* NULL: cancelled */
	void *with;
	unsigned tries;
};

struct lane {
	struct api *api;
	struct http_client *http;
	uv_poll_t *poll; /* of the connection at hand */
	struct call *queue;
	struct call *flight;
	uint64_t since; /* loop time of the question under way */
};

struct api {
	uv_loop_t *loop;
	char path[PATH_SIZE];
	struct api_hooks hooks;
	struct lane lanes[API__LANES];
	uv_timer_t kick, retry, tick;
	struct fault state;
	bool stopped;
};

static void on_kick(uv_timer_t *timer);
static void on_tick(uv_timer_t *timer);

static void
free_call(struct call *call)
{
	buf_clear(&call->target);
	buf_clear(&call->body);
	mem_free(call);
}

static void
free_poll(uv_handle_t *handle)
{
	mem_free(handle);
}

static void
unwatch(struct lane *l)
{
	if (l->poll == NULL)
		return;
	uv_poll_stop(l->poll);
	uv_close((uv_handle_t *)l->poll, free_poll);
	l->poll = NULL;
}

static void
disconnect(struct lane *l)
{
	unwatch(l);
	http_client_close(l->http);
}

static bool
is_reading(const struct call *call)
{
	return strcmp(call->method, "GET") == 0;
}

static void
answer(struct call *call, const struct api_reply *reply)
{
	if (call->done != NULL)
		call->done(call->with, reply);
	free_call(call);
}

/* asked: it was sent, so that keyd may have acted. */
static void
answer_fault(struct call *call, const struct fault *fault, bool asked)
{
	const struct api_reply reply = {.err = fault->err,
		.fault = *fault,
		.uncertain = asked,
		.unasked = !asked};

	answer(call, &reply);
}

/* What keyd answered may hold a secret: the client that has it is wiped. */
static void
forget_answer(struct lane *l)
{
	struct http_client *fresh = http_client_new(RESPONSE_MAX, REQUEST_MAX);

	if (fresh == NULL)
		return;
	unwatch(l);
	http_client_free(l->http);
	l->http = fresh;
}

static void
push_front(struct lane *l, struct call *call)
{
	call->next = l->queue;
	l->queue = call;
}

static struct call *
pop(struct lane *l)
{
	struct call *call = l->queue;

	if (call != NULL)
		l->queue = call->next;
	return call;
}

static void
set_state(struct api *a, enum kerr err, const char *text)
{
	bool same = a->state.err == err;

	fault_set(&a->state, err, "", "%s", text);
	if (err != KERR_OK && !uv_is_active((uv_handle_t *)&a->retry))
		uv_timer_start(&a->retry, on_kick, RETRY_MS, RETRY_MS);
	if (err == KERR_OK)
		uv_timer_stop(&a->retry);
	if (!same)
		a->hooks.changed(a->hooks.with);
}

static void
set_unreachable(struct api *a, enum kerr err)
{
	char text[384];

	if (err == KERR_NOTFOUND)
		snprintf(text, sizeof(text),
			"no keyd: start it (keyd serve) or give --socket; looked at %s",
			a->path);
	else if (err == KERR_CLOSED)
		snprintf(text, sizeof(text), "keyd does not answer, is it running? (%s)",
			a->path);
	else if (err == KERR_DENIED)
		snprintf(text, sizeof(text), "you must be in the group of the socket %s",
			a->path);
	else if (err == KERR_BUSY)
		snprintf(text, sizeof(text), "keyd has no connection free");
	else
		snprintf(text, sizeof(text), "cannot reach keyd, %s (%s)", kerr_text(err),
			a->path);
	set_state(a, err, text);
}

static void
read_reply(struct lane *l, struct api_reply *reply)
{
	unsigned status = http_client_status(l->http);

	*reply = (struct api_reply){.err = KERR_OK};
	reply->body = http_client_body(l->http, &reply->len);
	if (status / 100 == 2)
		return;
	if (json_problem_read(reply->body, reply->len, &reply->fault) != KERR_OK)
		fault_set(&reply->fault, KERR_PROTOCOL, "", "keyd answered %u", status);
	reply->err = reply->fault.err;
}

/* The question under way came to an end: with an answer, or with its connection. */
static void
finish(struct lane *l, enum kerr err)
{
	struct api *a = l->api;
	struct call *call = l->flight;
	struct api_reply reply;
	struct fault fault;

	l->flight = NULL;
	if (!http_client_connected(l->http))
		unwatch(l);
	else if (l->poll != NULL)
		uv_poll_stop(l->poll);
	if (err == KERR_OK) {
		set_state(a, KERR_OK, "");
		read_reply(l, &reply);
		answer(call, &reply);
		if (l == &a->lanes[API_ACT])
			forget_answer(l);
	} else if (call->done != NULL && is_reading(call) && ++call->tries < TRIES) {
		push_front(l, call);
		set_state(a, KERR_CLOSED, "the connection was lost; trying again");
	} else {
		fault_set(&fault, err, "",
			is_reading(call) ? "keyd gave no answer: %s"
					 : "the answer was lost (%s): Enter asks again",
			kerr_text(err));
		answer_fault(call, &fault, true);
	}
	uv_timer_start(&a->kick, on_kick, 0, 0);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static enum kerr
watch(struct lane *l)
{
	unsigned wants = http_client_wants(l->http);
	int events = (wants & HTTP_WANT_READ ? UV_READABLE : 0) |
		     (wants & HTTP_WANT_WRITE ? UV_WRITABLE : 0);

	if (l->poll == NULL) {
		l->poll = mem_new(1, sizeof(*l->poll));
		if (l->poll == NULL)
			return KERR_NOMEM;
		if (uv_poll_init(l->api->loop, l->poll, http_client_fd(l->http)) != 0) {
			mem_free(l->poll);
			l->poll = NULL;
			return KERR_IO;
		}
		l->poll->data = l;
	}
	return uv_poll_start(l->poll, events, on_ready) == 0 ? KERR_OK : KERR_IO;
}

static void
step(struct lane *l)
{
	enum kerr err = http_client_step(l->http);

	if (err == KERR_BUSY)
		err = watch(l);
	else {
		finish(l, err);
		return;
	}
	if (err != KERR_OK) {
		disconnect(l);
		finish(l, err);
	}
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	step(poll->data);
}

static enum kerr
send_call(struct lane *l, const struct call *call)
{
	struct http_header headers[3];
	struct http_request request = {.method = call->method,
		.target = (const char *)call->target.data,
		.headers = headers,
		.body = call->body.data,
		.body_len = call->body.len};
	char version[32];

	if (call->body.len > 0)
		headers[request.header_count++] =
			(struct http_header){"Content-Type", "application/json"};
	if (call->version > 0) {
		snprintf(version, sizeof(version), "\"%" PRId64 "\"", call->version);
		headers[request.header_count++] =
			(struct http_header){"If-Match", version};
	}
	if (call->idempotency[0] != '\0')
		headers[request.header_count++] =
			(struct http_header){"Idempotency-Key", call->idempotency};
	return http_client_request(l->http, &request);
}

/* Connects if need be: an idle connection may have been ended by keyd. */
static enum kerr
begin(struct lane *l, const struct call *call)
{
	enum kerr err = KERR_CLOSED;

	if (http_client_connected(l->http))
		err = send_call(l, call);
	if (err != KERR_CLOSED)
		return err;
	disconnect(l);
	err = http_client_connect(l->http, l->api->path);
	if (err != KERR_OK) {
		set_unreachable(l->api, err);
		return KERR_CLOSED;
	}
	return send_call(l, call);
}

/* A person waits for an act: it fails at once. A reading waits for keyd. */
static void
not_begun(struct lane *l, struct call *call, enum kerr err)
{
	struct fault fault = l->api->state;

	if (err == KERR_CLOSED && is_reading(call)) {
		push_front(l, call);
		return;
	}
	if (fault.err == KERR_OK)
		fault_set(&fault, err, "", "%s", kerr_text(err));
	answer_fault(call, &fault, false);
}

static void
pump(struct lane *l)
{
	struct api *a = l->api;
	struct call *call;
	enum kerr err;

	while (!a->stopped && l->flight == NULL && (call = pop(l)) != NULL) {
		if (call->done == NULL) {
			free_call(call);
			continue;
		}
		err = begin(l, call);
		if (err != KERR_OK) {
			not_begun(l, call, err);
			if (l->queue == call)
				return;
			continue;
		}
		l->flight = call;
		l->since = uv_now(a->loop);
		if (!uv_is_active((uv_handle_t *)&a->tick))
			uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
		step(l);
	}
}

static void
on_kick(uv_timer_t *timer)
{
	struct api *a = timer->data;

	for (int i = 0; i < API__LANES; i++)
		pump(&a->lanes[i]);
}

/* Is what is under way in that lane no longer worth waiting for? */
static enum kerr
judge(const struct lane *l)
{
	uint64_t age = uv_now(l->api->loop) - l->since;

	if (l->flight->done == NULL && is_reading(l->flight) && age > DROPPED_MS)
		return KERR_CLOSED;
	return age > (is_reading(l->flight) ? READ_MS : ACT_MS) ? KERR_TIMEOUT : KERR_OK;
}

static void
on_tick(uv_timer_t *timer)
{
	struct api *a = timer->data;
	bool busy = false;

	for (int i = 0; i < API__LANES; i++) {
		struct lane *l = &a->lanes[i];
		enum kerr err = l->flight != NULL ? judge(l) : KERR_OK;

		if (err != KERR_OK) {
			disconnect(l);
			finish(l, err);
		}
		busy = busy || l->flight != NULL;
	}
	if (!busy)
		uv_timer_stop(timer);
	a->hooks.changed(a->hooks.with);
}

struct api *
api_new(uv_loop_t *loop, const char *path, const struct api_hooks *hooks)
{
	struct api *a = mem_new(1, sizeof(*a));
	bool good = a != NULL;

	if (a == NULL)
		return NULL;
	a->loop = loop;
	a->hooks = *hooks;
	snprintf(a->path, sizeof(a->path), "%s", path);
	for (int i = 0; i < API__LANES; i++) {
		a->lanes[i].api = a;
		a->lanes[i].http = http_client_new(RESPONSE_MAX, REQUEST_MAX);
		good = good && a->lanes[i].http != NULL;
	}
	if (!good) {
		api_free(a);
		return NULL;
	}
	uv_timer_init(loop, &a->kick);
	uv_timer_init(loop, &a->retry);
	uv_timer_init(loop, &a->tick);
	a->kick.data = a->retry.data = a->tick.data = a;
	return a;
}

void
api_stop(struct api *a)
{
	a->stopped = true;
	for (int i = 0; i < API__LANES; i++) {
		struct lane *l = &a->lanes[i];
		struct call *call;

		disconnect(l);
		if (l->flight != NULL)
			free_call(l->flight);
		l->flight = NULL;
		while ((call = pop(l)) != NULL)
			free_call(call);
	}
	uv_close((uv_handle_t *)&a->kick, NULL);
	uv_close((uv_handle_t *)&a->retry, NULL);
	uv_close((uv_handle_t *)&a->tick, NULL);
}

void
api_free(struct api *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < API__LANES; i++)
		http_client_free(a->lanes[i].http);
	mem_free(a);
}

static struct call *
copy_call(const struct api_call *from)
{
	struct call *call = mem_new(1, sizeof(*call));

	if (call == NULL)
		return NULL;
	snprintf(call->method, sizeof(call->method), "%s", from->method);
	buf_init(&call->target, TARGET_MAX);
	buf_init(&call->body, BODY_MAX);
	buf_put_text(&call->target, from->target);
	buf_put(&call->body, from->body, from->body_len);
	call->version = from->version;
	if (from->idempotency != NULL)
		snprintf(call->idempotency, sizeof(call->idempotency), "%s",
			from->idempotency);
	call->done = from->done;
	call->with = from->with;
	return call;
}

enum kerr
api_ask(struct api *a, const struct api_call *from)
{
	struct call *call = copy_call(from);
	struct call **end = &a->lanes[from->lane].queue;
	enum kerr err;

	if (call == NULL)
		return KERR_NOMEM;
	err = buf_error(&call->body);
	if (buf_text(&call->target) == NULL)
		err = buf_error(&call->target);
	if (err != KERR_OK) {
		free_call(call);
		return err;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = call;
	uv_timer_start(&a->kick, on_kick, 0, 0);
	return KERR_OK;
}

void
api_cancel(struct api *a, const void *with)
{
	for (int i = 0; i < API__LANES; i++) {
		struct lane *l = &a->lanes[i];

		for (struct call *call = l->queue; call != NULL; call = call->next) {
			if (call->with == with)
				call->done = NULL;
		}
		if (l->flight != NULL && l->flight->with == with)
			l->flight->done = NULL;
	}
}

enum kerr
api_state(const struct api *a, struct fault *ret)
{
	*ret = a->state;
	return a->state.err;
}

uint64_t
api_waiting_ms(const struct api *a)
{
	uint64_t longest = 0;

	for (int i = 0; i < API__LANES; i++) {
		const struct lane *l = &a->lanes[i];

		if (l->flight != NULL && l->flight->done != NULL &&
			uv_now(a->loop) - l->since > longest)
			longest = uv_now(a->loop) - l->since;
	}
	return longest;
}

enum kerr
api_request_id(char ret[API_REQUEST_ID_SIZE])
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return KERR_IO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return KERR_OK;
}
