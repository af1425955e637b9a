#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/wire/json_record.h"
#include "keyd/front/front.h"
#include "keyd/role/sandbox.h"
#include "keyd/role/start.h"

/* keyd-front: TLS and HTTP, for the network or (--local) for one person on this machine.
 * It holds the TLS key and the requests in hand, and can ask the keeper; it opens no file
 * and connects nowhere. */

/* A request's secret lives from its parsing to the end of the same step, so few at a
 * time. */
#define SECRETS  64
#define PEM_MAX  (256u << 10)
#define READ_PEM 4096

struct process {
	struct role_start start;
	struct front front;
	uv_poll_t control;
	uv_timer_t alive;
	int certificate; /* -1, or waits for the key that belongs to it */
	bool failed;
};

static enum kerr
read_file(int fd, struct buf *ret)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return KERR_IO;
	for (;;) {
		uint8_t *room = buf_reserve(ret, READ_PEM);
		ssize_t n;

		if (!room)
			return buf_error(ret);
		n = read(fd, room, READ_PEM);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? KERR_IO : KERR_OK;
		buf_added(ret, (size_t)n);
	}
}

/* Both descriptors are closed in any case. */
static enum kerr
use_certificate(struct process *p, int certificate, int key, struct fault *fault)
{
	struct buf chain, secret;
	enum kerr err = KERR_OK;

	buf_init(&chain, PEM_MAX);
	buf_init(&secret, PEM_MAX);
	if (certificate < 0 || key < 0 || read_file(certificate, &chain) != KERR_OK ||
		read_file(key, &secret) != KERR_OK)
		err = fault_set(
			fault, KERR_IO, "tls", "certificate and key cannot be read");
	else
		err = tls_use(p->front.tls, (const char *)chain.data, chain.len,
			(const char *)secret.data, secret.len, fault);
	buf_clear(&chain);
	buf_clear(&secret);
	if (certificate >= 0)
		close(certificate);
	if (key >= 0)
		close(key);
	return err;
}

static void
log_fault(const char *event, const struct fault *fault)
{
	log_write(LOG_ERROR, event, "", LOG_TEXT("field", fault->field),
		LOG_TEXT("text", fault->text));
}

static void
take_handover(struct process *p, const struct role_handover *h)
{
	struct fault fault = {0};

	if (h->what == HANDOVER_CERTIFICATE && !p->front.local) {
		if (p->certificate >= 0)
			close(p->certificate);
		p->certificate = h->fd;
	} else if (h->what == HANDOVER_KEY && p->certificate >= 0) {
		/* The requests in hand keep what they have; a bad file changes nothing.
		 */
		if (use_certificate(p, p->certificate, h->fd, &fault) == KERR_OK)
			log_event(LOG_INFO, "certificate-reloaded", "", NULL, 0);
		else
			log_fault("certificate-not-taken", &fault);
		p->certificate = -1;
	} else if (h->what == HANDOVER_PEER && h->kind == PEER_KEEPER) {
		front_attach_keeper(&p->front, h->fd);
	} else {
		close(h->fd);
	}
}

static void
on_control(uv_poll_t *poll, int status, int events)
{
	struct process *p = poll->data;

	(void)status;
	(void)events;
	for (;;) {
		struct role_event event;
		enum kerr err = role_next(&p->start, &event);

		if (err == KERR_BUSY)
			return;
		if (err != KERR_OK) {
			/* Without a parent there is nobody to serve for. */
			p->failed = err != KERR_CLOSED;
			p->front.ended = true;
			uv_poll_stop(poll);
			return;
		}
		if (event.kind == ROLE_EVENT_STOP)
			front_stop(&p->front);
		else if (event.kind == ROLE_EVENT_HANDOVER)
			take_handover(p, &event.handover);
	}
}

static void
on_alive(uv_timer_t *timer)
{
	struct process *p = timer->data;

	if (role_alive(&p->start) != KERR_OK)
		p->front.ended = true;
}

/* A local front has its person: the parent starts another one to wait. */
static void
on_connected(void *context)
{
	struct process *p = context;

	if (role_ready(&p->start) != KERR_OK)
		log_event(LOG_WARN, "parent-not-told", "", NULL, 0);
}

static enum kerr
take_listeners(struct process *p, enum handover_word what, enum door door)
{
	enum kerr err = KERR_OK;
	int fd;

	while (err == KERR_OK && (fd = role_take(&p->start, what, NULL)) >= 0) {
		err = front_listen(&p->front, fd, door);
		if (err != KERR_OK)
			close(fd);
	}
	return err;
}

static enum kerr
open_doors(struct process *p, struct fault *fault)
{
	int certificate = role_take(&p->start, HANDOVER_CERTIFICATE, NULL);
	int key = role_take(&p->start, HANDOVER_KEY, NULL);
	enum kerr err = use_certificate(p, certificate, key, fault);

	if (err == KERR_OK)
		err = take_listeners(p, HANDOVER_PUBLIC_LISTENER, DOOR_PUBLIC);
	if (err == KERR_OK)
		err = take_listeners(p, HANDOVER_ADMIN_LISTENER, DOOR_ADMIN);
	if (err != KERR_OK && !fault->text[0])
		fault_set(fault, err, "", "the listeners cannot be used: %s",
			kerr_text(err));
	return err;
}

static enum kerr
watch_parent(struct process *p)
{
	if (uv_poll_init(&p->front.loop, &p->control, p->start.control) != 0 ||
		uv_timer_init(&p->front.loop, &p->alive) != 0)
		return KERR_IO;
	p->control.data = p->alive.data = p;
	if (uv_poll_start(&p->control, UV_READABLE, on_control) != 0 ||
		uv_timer_start(&p->alive, on_alive, ROLE_ALIVE_SECONDS * 1000,
			ROLE_ALIVE_SECONDS * 1000) != 0)
		return KERR_IO;
	return KERR_OK;
}

/* All that reads a file or makes a descriptor stands before sandbox_enter(). */
static enum kerr
start(struct process *p, bool local, struct fault *fault)
{
	enum kerr err;

	if (!tls_wipe_memory() || sodium_init() < 0)
		return fault_set(fault, KERR_CRYPTO, "", "the libraries do not start");
	err = role_start(local ? PEER_LOCAL_FRONT : PEER_FRONT, &p->start, fault);
	if (err == KERR_OK)
		err = secret_pool_start(SECRETS, fault);
	if (err != KERR_OK)
		return err;
	json_start();
	(void)clock_now();
	err = front_init(&p->front, local, p->start.settings, fault);
	if (err == KERR_OK && !local)
		err = open_doors(p, fault);
	if (err != KERR_OK)
		return err;
	p->front.connected = on_connected;
	p->front.context = p;
	err = watch_parent(p);
	if (err != KERR_OK)
		return fault_set(fault, err, "", "the parent cannot be watched");
	front_attach_keeper(&p->front, p->start.keeper);
	p->start.keeper = -1;
	return sandbox_enter(local ? SANDBOX_LOCAL_FRONT : SANDBOX_FRONT, NULL, 0, fault);
}

int
main(int argc, char **argv)
{
	static struct process p = {.certificate = -1};
	bool local = argc == 2 && strcmp(argv[1], "--local") == 0;
	struct fault fault = {0};
	enum kerr err = KERR_INVALID;

	p.start.control = p.start.keeper = -1;
	if (argc == 1 || local)
		err = start(&p, local, &fault);
	else
		fault_set(&fault, err, "", "usage: keyd-front [--local]");
	if (err == KERR_OK)
		err = role_ready(&p.start);
	if (err == KERR_OK)
		front_run(&p.front);
	else
		log_fault("not-started", &fault);
	if (p.certificate >= 0)
		close(p.certificate);
	front_clear(&p.front);
	role_end(&p.start);
	return err == KERR_OK && !p.failed ? 0 : 1;
}
