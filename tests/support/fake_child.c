/* Stands in for keeper, fronts and courier (by the name it was started under), so that
 * the parent can be tested alone. What it sees goes as lines into the file `events`
 * beside the program; a file NAME.does beside it says how it misbehaves: hopeless, die,
 * die-late, mute, deaf, ask-stop. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/frame.h"
#include "keyd/role/settings.h"
#include "keyd/role/start.h"

#define PEERS_MAX 64

struct fake {
	struct role_start role;
	const char *name;
	char directory[PATH_MAX];
	char does[32];
	int listener;   /* keeper */
	int connection; /* local front */
	struct role_handover peers[PEERS_MAX];
	unsigned peer_count;
	bool stopping;
};

static int
open_beside(const struct fake *f, const char *name, const char *ending, int flags)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s%s", f->directory, name, ending);
	return open(path, flags | O_CLOEXEC, 0666);
}

static void __attribute__((format(printf, 2, 3)))
note(const struct fake *f, const char *fmt, ...)
{
	int fd = open_beside(f, "events", "", O_WRONLY | O_CREAT | O_APPEND);
	char line[512];
	va_list ap;
	int n = snprintf(line, sizeof(line), "%s %d ", f->name, getpid());

	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		fprintf(stderr, "events: %s\n", strerror(errno));
	close(fd);
}

static void
find_directory(struct fake *f)
{
	ssize_t n = readlink("/proc/self/exe", f->directory, sizeof(f->directory) - 1);

	f->directory[n > 0 ? n : 0] = '\0';
	*(strrchr(f->directory, '/')) = '\0';
}

static void
read_does(struct fake *f)
{
	int fd = open_beside(f, f->name, ".does", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, f->does, sizeof(f->does) - 1);

	f->does[n > 0 ? strcspn(f->does, "\n") : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static bool
does(const struct fake *f, const char *what)
{
	return strcmp(f->does, what) == 0;
}

static void
note_process(const struct fake *f)
{
	struct rlimit core;
	mode_t mask = umask(077);
	int death = 0;

	prctl(PR_GET_PDEATHSIG, &death);
	getrlimit(RLIMIT_CORE, &core);
	note(f, "process uid=%u umask=%o core=%lu nnp=%d death=%d session=%d home=%d",
		(unsigned)geteuid(), (unsigned)mask, (unsigned long)core.rlim_cur,
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), death, getsid(0) == getpid(),
		getenv("HOME") != NULL);
}

static void
note_handovers(const struct fake *f)
{
	unsigned count[HANDOVER__WORDS] = {0};

	for (unsigned i = 0; i < f->role.handover_count; i++)
		count[f->role.handovers[i].what]++;
	note(f,
		"handed public=%u admin=%u local=%u certificate=%u key=%u state=%u "
		"sink=%u "
		"seal=%u credential=%u",
		count[HANDOVER_PUBLIC_LISTENER], count[HANDOVER_ADMIN_LISTENER],
		count[HANDOVER_LOCAL_LISTENER], count[HANDOVER_CERTIFICATE],
		count[HANDOVER_KEY], count[HANDOVER_STATE], count[HANDOVER_SINK],
		count[HANDOVER_SEAL_KEY], count[HANDOVER_CREDENTIAL]);
}

static void
note_file(const struct fake *f, const char *what, int fd)
{
	char text[64] = "";
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
	note(f, "%s %s", what, text);
	close(fd);
}

/* Keeper: a person's connection goes down to a local front that waits. */
static void
hand_down(struct fake *f)
{
	struct frame_out out;
	struct arena *arena = arena_new(4096);
	struct record *r = record_new(arena, &handover_schema);
	struct message m = {.number = MESSAGE_CONNECTION,
		.fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)};
	struct buf b;

	for (unsigned i = 0; m.fd >= 0 && i < f->peer_count; i++) {
		if (f->peers[i].kind != PEER_LOCAL_FRONT || f->peers[i].fd < 0)
			continue;
		record_set_int(r, HANDOVER_WHAT, HANDOVER_CONNECTION);
		record_set_int(r, HANDOVER_NUMBER, f->peers[i].number);
		buf_init(&b, 64);
		record_encode(r, &b);
		m.payload = b.data;
		m.length = (uint32_t)b.len;
		frame_out_init(&out);
		if (frame_put(&out, &m) == KERR_OK)
			m.fd = -1;
		if (frame_send(f->peers[i].fd, &out) != KERR_OK)
			note(f, "cannot hand down");
		frame_out_clear(&out);
		buf_clear(&b);
		close(f->peers[i].fd);
		f->peers[i].fd = -1;
		break;
	}
	arena_free(arena);
}

/* Local front: its connection, or the end of the keeper. */
static void
take_connection(struct fake *f)
{
	struct frame_in in;
	struct message m;

	frame_in_init(&in);
	if (frame_recv(f->role.keeper, &in) == KERR_OK &&
		frame_next(&in, 64, &m) == KERR_OK && m.fd >= 0) {
		f->connection = m.fd;
		note(f, "connection");
		if (role_ready(&f->role) != KERR_OK)
			note(f, "not heard");
		(void)!write(f->connection, "hello\n", 6);
	}
	frame_in_clear(&in);
	close(f->role.keeper);
	f->role.keeper = -1;
}

static void
keep_peer(struct fake *f, const struct role_handover *h)
{
	note(f, "peer %s", peer_kind_name(h->kind));
	if (f->peer_count < PEERS_MAX)
		f->peers[f->peer_count++] = *h;
}

static bool
follow(struct fake *f)
{
	struct role_event event;
	enum kerr err = role_next(&f->role, &event);

	if (err != KERR_OK)
		return err == KERR_BUSY;
	switch (event.kind) {
	case ROLE_EVENT_STOP:
		note(f, "stop");
		return does(f, "deaf");
	case ROLE_EVENT_SETTINGS:
		note(f, "settings level=%s lifetime=%d",
			record_text(f->role.settings, SETTINGS_LOG_LEVEL),
			(int)record_int(f->role.settings, SETTINGS_TOKEN_SECONDS));
		break;
	case ROLE_EVENT_HANDOVER:
		if (event.handover.what == HANDOVER_PEER)
			keep_peer(f, &event.handover);
		else
			note_file(f,
				event.handover.what == HANDOVER_KEY ? "key"
								    : "certificate",
				event.handover.fd);
		break;
	}
	return true;
}

static bool
turn(struct fake *f)
{
	struct pollfd p[] = {{.fd = f->role.control, .events = POLLIN},
		{.fd = f->listener, .events = POLLIN},
		{.fd = f->role.kind == PEER_LOCAL_FRONT ? f->role.keeper : -1,
			.events = POLLIN},
		{.fd = f->connection, .events = POLLIN}};
	char byte;

	poll(p, sizeof(p) / sizeof(p[0]), 1000);
	if (!does(f, "mute") && role_alive(&f->role) != KERR_OK)
		return false;
	if (p[1].revents)
		hand_down(f);
	if (p[2].revents)
		take_connection(f);
	if (p[3].revents && read(f->connection, &byte, 1) <= 0)
		return false;
	return !p[0].revents || follow(f);
}

static void
start(struct fake *f)
{
	int fd;

	note_process(f);
	note_handovers(f);
	fd = role_take(&f->role, HANDOVER_CERTIFICATE, NULL);
	if (fd >= 0)
		note_file(f, "certificate", fd);
	fd = role_take(&f->role, HANDOVER_KEY, NULL);
	if (fd >= 0)
		note_file(f, "key", fd);
	f->listener = role_take(&f->role, HANDOVER_LOCAL_LISTENER, NULL);
}

int
main(int argc, char **argv)
{
	static struct fake f = {.listener = -1, .connection = -1};
	bool local = argc > 1 && strcmp(argv[1], "--local") == 0;
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	enum peer_kind kind = PEER_FRONT;
	struct fault fault;

	if (strcmp(name, "keyd-keeper") == 0)
		kind = PEER_KEEPER;
	else if (strcmp(name, "keyd-courier") == 0)
		kind = PEER_COURIER;
	else if (local)
		kind = PEER_LOCAL_FRONT;
	f.name = peer_kind_name(kind);
	find_directory(&f);
	read_does(&f);
	if (role_start(kind, &f.role, &fault) != KERR_OK) {
		note(&f, "not started: %s", fault.text);
		return ROLE_EXIT_HOPELESS;
	}
	start(&f);
	if (does(&f, "hopeless"))
		return ROLE_EXIT_HOPELESS;
	if (does(&f, "die") || role_ready(&f.role) != KERR_OK)
		return 1;
	note(&f, "ready");
	if (does(&f, "ask-stop") && role_ask_stop(&f.role) != KERR_OK)
		return 1;
	if (does(&f, "die-late"))
		return 1;
	while (turn(&f))
		;
	note(&f, "ends");
	role_end(&f.role);
	return 0;
}
