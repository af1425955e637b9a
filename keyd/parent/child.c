#include "keyd/parent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/frame.h"
#include "keyd/parent/environment.h"
#include "keyd/role/start.h"

#define DESCRIPTORS  (ROLE_KEEPER_FD + 1)
#define SETTINGS_MAX 32000

static const struct {
	enum peer_kind kind;
	const char *program;
	const char *option;
} slots[] = {
	[SLOT_KEEPER] = {PEER_KEEPER, "keyd-keeper", NULL},
	[SLOT_COURIER] = {PEER_COURIER, "keyd-courier", NULL},
	[SLOT_FRONT] = {PEER_FRONT, "keyd-front", NULL},
	[SLOT_LOCAL] = {PEER_LOCAL_FRONT, "keyd-front", "--local"},
};
_Static_assert(sizeof(slots) / sizeof(slots[0]) == SLOT__COUNT, "a row for each");

const char *
child_name(enum slot slot)
{
	return peer_kind_name(slots[slot].kind);
}

pid_t
child_pid(const struct child *c)
{
	return c->process.pid;
}

void
child_kill(struct child *c)
{
	(void)uv_process_kill(&c->process, SIGKILL);
}

static void
on_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;

	if (--c->closing)
		return;
	frame_in_clear(c->in);
	mem_free(c->in);
	close(c->control);
	mem_free(c);
}

static enum kerr
hear(struct child *c, const struct message *m)
{
	enum kerr err = gate_check(
		gate_find(m->number), slots[c->slot].kind, PHASE_BIT_SERVING, m->length);

	if (m->fd >= 0)
		close(m->fd);
	/* What else the kind may ask is asked of the keeper, not here. */
	if (err != KERR_OK || m->fd >= 0 ||
		(m->number != MESSAGE_READY && m->number != MESSAGE_ALIVE &&
			m->number != MESSAGE_STOP_ASKED))
		return KERR_PROTOCOL;
	c->heard_ms = uv_now(c->poll.loop);
	c->events->said(c->events->context, c, (enum message_number)m->number);
	return KERR_OK;
}

/* The messages of one frame. KERR_BUSY: there was none. */
static enum kerr
receive(struct child *c)
{
	enum kerr err = frame_recv(c->control, c->in);

	while (err == KERR_OK) {
		struct message m;

		err = frame_next(c->in, FRAME_MAX, &m);
		if (err == KERR_OK)
			err = hear(c, &m);
	}
	return err == KERR_NOTFOUND ? KERR_OK : err;
}

/* What it said last is heard before its end is judged. */
static void
on_exit(uv_process_t *process, int64_t status, int term_signal)
{
	struct child *c = process->data;

	while (receive(c) == KERR_OK)
		;
	c->events->ended(c->events->context, c, status, term_signal);
	c->closing = 2;
	uv_close((uv_handle_t *)&c->process, on_closed);
	uv_close((uv_handle_t *)&c->poll, on_closed);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct child *c = poll->data;
	enum kerr err = status < 0 ? KERR_IO : receive(c);

	(void)events;
	if (err == KERR_OK || err == KERR_BUSY)
		return;
	uv_poll_stop(poll);
	if (err != KERR_CLOSED)
		child_kill(c);
	/* A role that lost its channel can neither be told to stop nor be heard again. */
	if (!c->kill_ms)
		c->kill_ms = uv_now(poll->loop) + 2000;
	c->events->lost(c->events->context, c, err);
}

static enum kerr
spawn(uv_loop_t *loop, struct child *c, const struct child_spec *spec, int control,
	struct fault *fault)
{
	static char *no_environment[] = {NULL};
	char path[PATH_MAX];
	char program[32], option[32];
	char *arguments[] = {program, slots[spec->slot].option ? option : NULL, NULL};
	char **environment = environment_new();
	uv_stdio_container_t io[DESCRIPTORS] = {{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		[ROLE_CONTROL_FD] = {.flags = UV_INHERIT_FD, .data.fd = control},
		[ROLE_KEEPER_FD] = {.flags = UV_INHERIT_FD, .data.fd = spec->keeper}};
	/* Detached: a session of its own, so that a terminal's Ctrl-C reaches the parent
	 * alone, which stops its children in order. */
	uv_process_options_t options = {.exit_cb = on_exit,
		.file = path,
		.args = arguments,
		.env = environment ? environment : no_environment,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = spec->keeper >= 0 ? DESCRIPTORS : ROLE_KEEPER_FD,
		.stdio = io};
	int failed;

	snprintf(program, sizeof(program), "%s", slots[spec->slot].program);
	snprintf(option, sizeof(option), "%s",
		slots[spec->slot].option ? slots[spec->slot].option : "");
	snprintf(path, sizeof(path), "%s/%s", spec->directory, program);
	c->process.data = c;
	failed = uv_spawn(loop, &c->process, &options);
	environment_free(environment);
	if (failed)
		return fault_set(fault, failed == UV_ENOENT ? KERR_NOTFOUND : KERR_IO, "",
			"%s: %s; keyd's programs must lie beside each other: install "
			"them all",
			path, uv_strerror(failed));
	return KERR_OK;
}

/* After a failed start the process handle has to be closed by the loop all the same. */
static void
on_unstarted(uv_handle_t *handle)
{
	struct child *c = handle->data;

	mem_free(c->in);
	mem_free(c);
}

enum kerr
child_start(uv_loop_t *loop, const struct child_spec *spec, struct child **ret,
	struct fault *fault)
{
	struct child *c = mem_new(1, sizeof(*c));
	int pair[2];
	enum kerr err;

	if (!c || !(c->in = mem_new(1, sizeof(*c->in)))) {
		mem_free(c);
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) !=
		0) {
		mem_free(c->in);
		mem_free(c);
		return fault_set(fault, KERR_IO, "", "socketpair: %s", strerror(errno));
	}
	frame_in_init(c->in);
	c->slot = spec->slot;
	c->number = spec->number;
	c->events = spec->events;
	c->control = pair[0];
	c->started_ms = c->heard_ms = uv_now(loop);
	err = spawn(loop, c, spec, pair[1], fault);
	close(pair[1]);
	if (err != KERR_OK) {
		close(pair[0]);
		uv_close((uv_handle_t *)&c->process, on_unstarted);
		return err;
	}
	/* A socket that was just made can be polled; libuv fails here for plain files
	 * only. */
	uv_poll_init(loop, &c->poll, c->control);
	c->poll.data = c;
	uv_poll_start(&c->poll, UV_READABLE, on_readable);
	*ret = c;
	return KERR_OK;
}

static enum kerr
send_message(struct child *c, const struct message *m)
{
	struct frame_out out;
	enum kerr err;

	frame_out_init(&out);
	err = frame_put(&out, m);
	if (err == KERR_OK)
		err = frame_send(c->control, &out);
	else if (m->fd >= 0)
		close(m->fd);
	frame_out_clear(&out);
	return err;
}

enum kerr
child_tell(struct child *c, enum message_number what)
{
	struct message m = {.number = (uint16_t)what, .fd = -1};

	return send_message(c, &m);
}

static enum kerr
send_record(struct child *c, enum message_number what, const struct record *r, int fd)
{
	struct message m = {.number = (uint16_t)what, .fd = fd};
	struct buf b;
	enum kerr err;

	buf_init(&b, SETTINGS_MAX);
	record_encode(r, &b);
	err = buf_error(&b);
	if (err == KERR_OK) {
		m.payload = b.data;
		m.length = (uint32_t)b.len;
		err = send_message(c, &m);
	} else if (fd >= 0) {
		close(fd);
	}
	buf_clear(&b);
	return err;
}

enum kerr
child_tell_settings(struct child *c, const struct record *settings)
{
	return send_record(c, MESSAGE_SETTINGS, settings, -1);
}

static enum kerr
hand(struct child *c, enum handover_word what, const struct child *peer, int fd)
{
	struct arena *arena = arena_new(4096);
	struct record *r = arena ? record_new(arena, &handover_schema) : NULL;
	enum kerr err = KERR_NOMEM;

	if (r) {
		record_set_int(r, HANDOVER_WHAT, what);
		if (peer) {
			record_set_int(r, HANDOVER_NUMBER, peer->number);
			record_set_int(r, HANDOVER_KIND, slots[peer->slot].kind);
		}
		err = send_record(c, peer ? MESSAGE_PEER : MESSAGE_LISTENER, r, fd);
	} else {
		close(fd);
	}
	arena_free(arena);
	return err;
}

enum kerr
child_hand(struct child *c, enum handover_word what, int fd)
{
	return fd < 0 ? KERR_IO : hand(c, what, NULL, fd);
}

enum kerr
child_hand_peer(struct child *keeper, const struct child *peer, int fd)
{
	return hand(keeper, HANDOVER_PEER, peer, fd);
}

void
child_stop(struct child *c, uint64_t patience_ms)
{
	if (c->ending)
		return;
	c->ending = true;
	c->kill_ms = uv_now(c->poll.loop) + patience_ms;
	if (child_tell(c, MESSAGE_STOP) != KERR_OK)
		child_kill(c);
}
