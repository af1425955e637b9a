#include "keyd/front/front.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/model/model.h"
#include "core/text.h"
#include "keyd/front/connection.h"
#include "keyd/front/endpoints.h"
#include "keyd/front/exchange.h"
#include "keyd/front/proxy.h"
#include "keyd/front/routes.h"
#include "keyd/front/sources.h"
#include "keyd/role/gate.h"
#include "keyd/role/settings.h"

#define ARENA_MAX     (256u << 10) /* of a message that the keeper sends by itself */
#define ANSWER_MS     10000 /* how long the keeper may take for a network's question */
#define ACCEPT_MAX    64    /* connections accepted before the loop goes on */
#define DOCUMENT_MAX  (64u << 10)
#define STOPPED_LIMIT 1 /* connections of a local front */

uint64_t
front_now(const struct front *f)
{
	return uv_now(&f->loop);
}

void
front_request_id(struct front *f, char ret[FRONT_REQUEST_ID + 1])
{
	const size_t len = FRONT_REQUEST_ID / 2;

	/* The kernel is asked for many at once: it takes longer than all the rest. */
	if (f->random_left < len) {
		randombytes_buf(f->random, sizeof(f->random));
		f->random_left = sizeof(f->random);
	}
	f->random_left -= (unsigned)len;
	sodium_bin2hex(ret, FRONT_REQUEST_ID + 1, f->random + f->random_left, len);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
const char *
front_date(struct front *f)
{
	static const char *const days[] = {
		"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	uint64_t second = front_now(f) / 1000 + 1;
	char text[CLOCK_TEXT_SIZE];
	int64_t now, month = 1;

	if (f->date_second == second)
		return f->date;
	f->date_second = second;
	now = clock_now();
	clock_text(now, text);
	if (text_to_int(text + (text[5] == '0' ? 6 : 5), text[5] == '0' ? 1 : 2,
		    &month) != KERR_OK)
		month = 1;
	snprintf(f->date, sizeof(f->date), "%s, %.2s %s %.4s %.8s GMT",
		days[now / 86400 % 7], text + 8, months[(month - 1) % 12], text,
		text + 11);
	return f->date;
}

static void on_keeper(uv_poll_t *poll, int status, int events);

/* Waits for the keeper's channel as it is now. */
static void
arm_keeper(struct front *f)
{
	int events = UV_READABLE | (keeper_wants_write(f->keeper) ? UV_WRITABLE : 0);

	if (f->keeper_poll)
		uv_poll_start(f->keeper_poll, events, on_keeper);
}

static void
on_poll_closed(uv_handle_t *handle)
{
	mem_free(handle);
}

/* The local front has nothing left to do without its keeper; the network's waits for
 * another channel, and until then answers 503. */
static void
on_gone(void *context)
{
	struct front *f = context;

	if (f->keeper_poll)
		uv_close((uv_handle_t *)f->keeper_poll, on_poll_closed);
	f->keeper_poll = NULL;
	f->phase = -1;
	if (!f->stopping)
		log_write(LOG_WARN, "keeper-gone", "", LOG_NUM("local", f->local));
	if (f->local)
		front_stop(f);
}

static void
on_keeper(uv_poll_t *poll, int status, int events)
{
	struct front *f = poll->data;
	bool wrote = keeper_wants_write(f->keeper);

	(void)status;
	(void)events;
	keeper_step(f->keeper);
	if (f->keeper_poll == poll && wrote != keeper_wants_write(f->keeper))
		arm_keeper(f);
}

static void
on_round_end(uv_prepare_t *prepare)
{
	struct front *f = prepare->data;

	keeper_flush(f->keeper);
	if (keeper_wants_write(f->keeper))
		arm_keeper(f);
}

static void on_listener(uv_poll_t *poll, int status, int events);

static void
on_sweep(uv_timer_t *timer)
{
	struct front *f = timer->data;

	bool paused = false;

	connection_sweep(f->table);
	for (unsigned i = 0; i < f->listener_count; i++) {
		struct front_listener *l = &f->listeners[i];

		if (l->paused && l->fd >= 0)
			uv_poll_start(&l->poll, UV_READABLE, on_listener);
		paused |= l->paused;
		l->paused = false;
	}
	if (!connections_count(f->table) && !paused)
		uv_timer_stop(timer);
}

static void
on_answer(void *context, struct keeper_asker asker, const struct message *m)
{
	struct front *f = context;

	connection_answer(f->table, asker, m);
}

static void
take_keys(struct front *f, const struct message *m)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct record *list;
	uint32_t gone = 0;
	enum kerr err = KERR_NOMEM;

	if (a)
		err = record_decode(
			&signing_key_list_schema, a, m->payload, m->length, &list);
	if (err == KERR_OK) {
		err = jws_set_keys(f->jws, list, &gone);
		/* At once: a token of a withdrawn key is not asked about again. */
		token_cache_drop(f->cache, gone);
		buf_reset(&f->key_set);
		jws_write_set(f->jws, &f->key_set);
		ep_metadata_write(f);
	}
	if (err != KERR_OK)
		log_write(
			LOG_ERROR, "keys-not-taken", "", LOG_TEXT("why", kerr_text(err)));
	arena_free(a);
}

static void
take_phase(struct front *f, const struct message *m)
{
	struct arena *a = arena_new(4096);
	struct record *r;

	if (a && record_decode(&phase_schema, a, m->payload, m->length, &r) == KERR_OK)
		f->phase = record_int(r, PHASE_FIELD_PHASE);
	arena_free(a);
}

static void
on_told(void *context, const struct message *m)
{
	struct front *f = context;

	if (m->number == MESSAGE_CONNECTION && f->local && m->fd >= 0 &&
		!connections_count(f->table)) {
		front_serve(f, m->fd, DOOR_LOCAL);
		if (f->connected)
			f->connected(f->context);
		return;
	}
	if (m->fd >= 0)
		close(m->fd);
	if (m->number == MESSAGE_KEYS)
		take_keys(f, m);
	else if (m->number == MESSAGE_PHASE_IS)
		take_phase(f, m);
}

static void
take_settings(struct front *f, const struct record *settings)
{
	struct front_limits *l = &f->limits;

	f->issuer = record_text(settings, SETTINGS_PUBLIC_URL);
	l->connections = (uint32_t)record_int(settings, SETTINGS_CONNECTIONS);
	l->connections_source =
		(uint32_t)record_int(settings, SETTINGS_CONNECTIONS_SOURCE);
	l->handshake_ms =
		(uint64_t)record_int(settings, SETTINGS_HANDSHAKE_SECONDS) * 1000;
	l->request_ms = (uint64_t)record_int(settings, SETTINGS_REQUEST_SECONDS) * 1000;
	l->idle_ms = (uint64_t)record_int(settings, SETTINGS_IDLE_SECONDS) * 1000;
	l->answer_ms = ANSWER_MS;
	if (f->local)
		l->connections = STOPPED_LIMIT;
}

static enum kerr
make_parts(struct front *f, const struct record *settings, struct fault *fault)
{
	const struct keeper_events events = {
		.answered = on_answer,
		.told = on_told,
		.gone = on_gone,
		.context = f,
	};
	/* A local front sees no tokens. */
	size_t tokens = f->local ? 1 : (size_t)record_int(settings, SETTINGS_TOKEN_CACHE);

	f->keeper = keeper_new(&events);
	f->jws = jws_new(f->issuer);
	f->cache = token_cache_new(tokens);
	f->tls = tls_new();
	f->sources = sources_new(f->limits.connections);
	f->table = connections_new(f, f->limits.connections);
	if (!f->keeper || !f->jws || !f->cache || !f->tls || !f->sources || !f->table)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	return proxies_new(settings, &f->proxies, fault);
}

enum kerr
front_init(
	struct front *f, bool local, const struct record *settings, struct fault *fault)
{
	enum kerr err;

	memset(f, 0, sizeof(*f));
	f->local = local;
	f->phase = -1;
	buf_init(&f->key_set, DOCUMENT_MAX);
	buf_init(&f->metadata, DOCUMENT_MAX);
	if (uv_loop_init(&f->loop) != 0) {
		/* front_clear() knows by this that there is no loop. */
		f->loop.data = NULL;
		return fault_set(fault, KERR_IO, "", "there is no event loop");
	}
	f->loop.data = f;
	take_settings(f, settings);
	err = make_parts(f, settings, fault);
	if (err != KERR_OK)
		return err;
	ep_metadata_write(f);
	uv_prepare_init(&f->loop, &f->round_end);
	uv_timer_init(&f->loop, &f->sweep);
	f->round_end.data = f->sweep.data = f;
	uv_prepare_start(&f->round_end, on_round_end);
	return KERR_OK;
}

static void
close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void
front_clear(struct front *f)
{
	if (f->loop.data) {
		f->stopping = true;
		if (f->table)
			connections_end(f->table);
		if (f->keeper_poll)
			uv_close((uv_handle_t *)f->keeper_poll, on_poll_closed);
		f->keeper_poll = NULL;
		uv_walk(&f->loop, close_handle, NULL);
		while (uv_run(&f->loop, UV_RUN_DEFAULT) != 0)
			;
		uv_loop_close(&f->loop);
	}
	for (unsigned i = 0; i < f->listener_count; i++) {
		if (f->listeners[i].fd >= 0)
			close(f->listeners[i].fd);
	}
	exchange_free_spare(f);
	connections_free(f->table);
	sources_free(f->sources);
	proxies_free(f->proxies);
	keeper_free(f->keeper);
	tls_free(f->tls);
	token_cache_free(f->cache);
	jws_free(f->jws);
	buf_clear(&f->key_set);
	buf_clear(&f->metadata);
	memset(f, 0, sizeof(*f));
}

void
front_attach_keeper(struct front *f, int fd)
{
	uv_poll_t *poll;

	keeper_attach(f->keeper, fd);
	poll = mem_new(1, sizeof(*poll));
	if (!poll || uv_poll_init(&f->loop, poll, fd) != 0) {
		mem_free(poll);
		log_write(LOG_ERROR, "keeper-not-watched", "", LOG_NUM("fd", fd));
		return;
	}
	poll->data = f;
	f->keeper_poll = poll;
	arm_keeper(f);
}

static void
start_sweep(struct front *f)
{
	if (!f->stopping && !uv_is_active((const uv_handle_t *)&f->sweep))
		uv_timer_start(
			&f->sweep, on_sweep, CONNECTION_SWEEP_MS, CONNECTION_SWEEP_MS);
}

void
front_serve(struct front *f, int fd, enum door door)
{
	f->counters.accepted++;
	connection_begin(f->table, fd, door);
	start_sweep(f);
}

static void
on_listener(uv_poll_t *poll, int status, int events)
{
	struct front_listener *l = poll->data;

	(void)status;
	(void)events;
	for (unsigned i = 0; i < ACCEPT_MAX && l->fd >= 0; i++) {
		/* The other fronts accept from the same socket, so it may be empty. */
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
			uv_poll_stop(&l->poll);
			l->paused = true;
			start_sweep(l->front);
		}
		if (fd < 0)
			return;
		front_serve(l->front, fd, l->door);
	}
}

enum kerr
front_listen(struct front *f, int fd, enum door door)
{
	struct front_listener *l = &f->listeners[f->listener_count];

	if (f->listener_count == FRONT_LISTENERS_MAX)
		return KERR_TOO_LARGE;
	if (uv_poll_init(&f->loop, &l->poll, fd) != 0)
		return KERR_IO;
	l->front = f;
	l->door = door;
	l->fd = fd;
	l->poll.data = l;
	f->listener_count++;
	uv_poll_start(&l->poll, UV_READABLE, on_listener);
	return KERR_OK;
}

static void
on_stop_late(uv_timer_t *timer)
{
	struct front *f = timer->data;

	log_write(LOG_WARN, "stop-cut-short", "",
		LOG_NUM("connections", connections_count(f->table)));
	connections_end(f->table);
	f->ended = true;
	uv_stop(&f->loop);
}

void
front_stop(struct front *f)
{
	if (f->stopping)
		return;
	f->stopping = true;
	for (unsigned i = 0; i < f->listener_count; i++) {
		uv_poll_stop(&f->listeners[i].poll);
		close(f->listeners[i].fd);
		f->listeners[i].fd = -1;
	}
	connection_stop(f->table);
	uv_timer_start(&f->sweep, on_stop_late, FRONT_STOP_MS, 0);
}

void
front_turn(struct front *f, bool wait)
{
	uv_run(&f->loop, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	if (f->stopping && !connections_count(f->table))
		f->ended = true;
}

void
front_run(struct front *f)
{
	while (!f->ended)
		front_turn(f, true);
}

static void
put_counter(struct buf *out, const char *name, const char *doc, uint64_t value)
{
	buf_printf(out,
		"# HELP keyd_front_%s %s\n# TYPE keyd_front_%s counter\n"
		"keyd_front_%s{process=\"%d\"} %" PRIu64 "\n",
		name, doc, name, name, (int)getpid(), value);
}

static void
put_gauge(struct buf *out, const char *name, const char *doc, uint64_t value)
{
	buf_printf(out,
		"# HELP keyd_front_%s %s\n# TYPE keyd_front_%s gauge\n"
		"keyd_front_%s{process=\"%d\"} %" PRIu64 "\n",
		name, doc, name, name, (int)getpid(), value);
}

static void
put_requests(const struct front *f, struct buf *out)
{
	buf_put_text(out, "# HELP keyd_front_requests_total requests answered\n"
			  "# TYPE keyd_front_requests_total counter\n");
	for (size_t r = 0; r < routes_count(); r++) {
		for (unsigned c = 0; c < FRONT_CLASSES; c++) {
			if (!f->counters.requests[r][c])
				continue;
			buf_printf(out,
				"keyd_front_requests_total{process=\"%d\","
				"route=\"%s\",class=\"%uxx\"} %" PRIu64 "\n",
				(int)getpid(), route_at(r)->name, c,
				f->counters.requests[r][c]);
		}
	}
}

void
front_write_metrics(const struct front *f, struct buf *out)
{
	const struct front_counters *c = &f->counters;

	put_requests(f, out);
	put_counter(out, "refused_total", "requests of no route", c->refused);
	put_counter(out, "accepted_total", "connections accepted", c->accepted);
	put_counter(out, "turned_away_total", "connections over a limit", c->turned_away);
	put_counter(out, "handshakes_total", "TLS handshakes", c->handshakes);
	put_counter(out, "handshakes_failed_total", "TLS handshakes that failed",
		c->handshakes_failed);
	put_counter(out, "timeouts_total", "connections out of time", c->timeouts);
	put_counter(out, "token_cache_hits_total", "tokens known by their signature",
		c->cache_hits);
	put_counter(out, "token_cache_misses_total", "tokens seen for the first time",
		c->cache_misses);
	put_counter(out, "keeper_busy_total", "requests turned away by a full keeper",
		c->keeper_busy);
	put_gauge(out, "keeper_serving", "1 while the keeper says that it serves",
		f->phase == PHASE_SERVING);
	put_gauge(out, "connections", "connections open", connections_count(f->table));
	put_gauge(out, "cached_tokens", "places of the token cache in use",
		token_cache_count(f->cache));
	put_gauge(out, "keeper_questions", "questions waiting for the keeper",
		keeper_open_questions(f->keeper));
}
