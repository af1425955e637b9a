#include "keyd/role/start.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/frame.h"
#include "core/log.h"
#include "keyd/role/settings.h"

#define SETTINGS_ARENA_MAX (512u * 1024u)
#define WAIT_MS            30000
#define MEMLOCK_BYTES      (256u * 1024u * 1024u)

const char *
peer_kind_name(enum peer_kind kind)
{
	switch (kind) {
	case PEER_FRONT:
		return "front";
	case PEER_LOCAL_FRONT:
		return "local-front";
	case PEER_KEEPER:
		return "keeper";
	case PEER_PARENT:
		return "parent";
	case PEER_COURIER:
		return "courier";
	}
	return "unknown";
}

/* Not dumpable also means: no ptrace and no reading of /proc/self/mem by the same user.
 * The leak checker of sanitizer builds, which are never jailed, needs just that; there
 * the limit must do. Where a unit's filter refuses setrlimit, not dumpable is enough. */
static bool
refuse_dumps(void)
{
	struct rlimit none = {0, 0};
	bool limited = setrlimit(RLIMIT_CORE, &none) == 0;

	return KEYD_SANDBOX ? prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 : limited;
}

enum kerr
role_harden(struct fault *fault)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	umask(077);
	if (!refuse_dumps() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		sigaction(SIGPIPE, &ignore, NULL) != 0)
		return fault_set(fault, KERR_IO, "", "the process cannot be hardened: %s",
			strerror(errno));
	return KERR_OK;
}

/* Soft limits up to the hard ones; root also lifts what may be locked, since the role's
 * own user could not. */
static void
raise_limit(int what, rlim_t want)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) != 0)
		return;
	if (want > limit.rlim_max && geteuid() == 0) {
		struct rlimit more = {want, want};

		if (setrlimit(what, &more) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	/* What is too little is told by whoever then lacks it, with what it needs. */
	(void)setrlimit(what, &limit);
}

static enum settings_field
user_setting(enum peer_kind kind)
{
	if (kind == PEER_KEEPER)
		return SETTINGS_USER_KEEPER;
	return kind == PEER_COURIER ? SETTINGS_USER_COURIER : SETTINGS_USER_FRONT;
}

static bool
is_user_for_good(uid_t uid, gid_t gid)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) != 0 || getresgid(&g[0], &g[1], &g[2]) != 0)
		return false;
	for (int i = 0; i < 3; i++) {
		if (u[i] != uid || g[i] != gid)
			return false;
	}
	return getgroups(0, NULL) <= 1 && setuid(0) != 0 && setgid(0) != 0;
}

static enum kerr
become_user(const char *name, struct fault *fault)
{
	struct passwd *pw;
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return KERR_OK;
	errno = 0;
	pw = getpwnam(name);
	if (!pw)
		return fault_set(fault, KERR_DENIED, "users",
			"there is no user '%.32s'; create it (systemd-sysusers) or "
			"name another one in the configuration",
			name);
	uid = pw->pw_uid;
	gid = pw->pw_gid;
	if (uid == 0 || gid == 0)
		return fault_set(fault, KERR_DENIED, "users",
			"'%.32s' is root or in root's group; a role needs a user of its "
			"own",
			name);
	if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 ||
		setresuid(uid, uid, uid) != 0)
		return fault_set(fault, KERR_DENIED, "users", "cannot become '%.32s': %s",
			name, strerror(errno));
	if (!is_user_for_good(uid, gid))
		return fault_set(fault, KERR_DENIED, "users",
			"'%.32s' could become root again", name);
	return KERR_OK;
}

static bool
is_channel(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
		type != SOCK_SEQPACKET)
		return false;
	return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static enum kerr
open_channels(struct role_start *s, struct fault *fault)
{
	bool keeper = s->kind == PEER_KEEPER;
	unsigned first_unused = keeper ? ROLE_KEEPER_FD : ROLE_KEEPER_FD + 1;

	if (!is_channel(ROLE_CONTROL_FD) || (!keeper && !is_channel(ROLE_KEEPER_FD)))
		return fault_set(fault, KERR_PROTOCOL, "",
			"this program is started by `keyd serve`, not by hand");
	s->control = ROLE_CONTROL_FD;
	s->keeper = keeper ? -1 : ROLE_KEEPER_FD;
	if (close_range(first_unused, ~0U, 0) != 0)
		return fault_set(fault, KERR_IO, "",
			"cannot close inherited descriptors: %s", strerror(errno));
	return KERR_OK;
}

static void
follow_log(const struct role_start *s)
{
	log_start(peer_kind_name(s->kind),
		(enum log_level)record_int(s->settings, SETTINGS_LOG_LEVEL),
		record_int(s->settings, SETTINGS_LOG_FORMAT) != 0);
}

/* What the process has borrowed from its settings stays where it is: only what may change
 * while it runs is copied, and that are numbers and words. */
static enum kerr
take_settings(struct role_start *s, const struct message *m)
{
	struct arena *arena = arena_new(SETTINGS_ARENA_MAX);
	struct record *settings = NULL;
	enum kerr err = arena ? KERR_OK : KERR_NOMEM;

	if (err == KERR_OK)
		err = record_decode(
			&settings_schema, arena, m->payload, m->length, &settings);
	if (err == KERR_OK && !s->settings) {
		s->arena = arena;
		s->settings = settings;
		arena = NULL;
	}
	for (unsigned f = 0; err == KERR_OK && arena && f < SETTINGS__COUNT; f++) {
		if (settings_row(f)->reloadable &&
			settings_schema.fields[f].type != FIELD_TEXT)
			err = record_copy_field(s->settings, f, settings, f);
	}
	arena_free(arena);
	if (err == KERR_OK)
		follow_log(s);
	return err;
}

static enum kerr
read_handover(const struct message *m, struct role_handover *ret)
{
	struct arena *arena = arena_new(4096);
	struct record *r = NULL;
	enum kerr err = arena ? KERR_OK : KERR_NOMEM;

	if (err == KERR_OK)
		err = record_decode(&handover_schema, arena, m->payload, m->length, &r);
	if (err == KERR_OK && (m->fd < 0 || !record_has(r, HANDOVER_WHAT)))
		err = KERR_PROTOCOL;
	if (err == KERR_OK) {
		ret->what = (enum handover_word)record_int(r, HANDOVER_WHAT);
		ret->kind = (enum peer_kind)record_int(r, HANDOVER_KIND);
		ret->number = record_int(r, HANDOVER_NUMBER);
		ret->fd = m->fd;
	}
	arena_free(arena);
	return err;
}

/* One message of the parent. *ret_go, *ret_event tell which of the two kinds it was. */
static enum kerr
handle(struct role_start *s, const struct message *m, struct role_event *ret,
	bool *ret_go)
{
	enum kerr err =
		gate_check(gate_find(m->number), PEER_PARENT, PHASE_BIT_EMPTY, m->length);

	*ret_go = false;
	if (err == KERR_OK && m->number == MESSAGE_SETTINGS) {
		ret->kind = ROLE_EVENT_SETTINGS;
		err = take_settings(s, m);
	} else if (err == KERR_OK &&
		   (m->number == MESSAGE_LISTENER || m->number == MESSAGE_PEER)) {
		ret->kind = ROLE_EVENT_HANDOVER;
		err = read_handover(m, &ret->handover);
		if (err == KERR_OK)
			return KERR_OK;
	} else if (err == KERR_OK && m->number == MESSAGE_STOP) {
		ret->kind = ROLE_EVENT_STOP;
	} else if (err == KERR_OK && m->number == MESSAGE_GO) {
		*ret_go = true;
	} else {
		err = KERR_PROTOCOL;
	}
	if (m->fd >= 0) {
		close(m->fd);
		return err == KERR_OK ? KERR_PROTOCOL : err;
	}
	return err;
}

static enum kerr
next(struct role_start *s, struct role_event *ret, bool *ret_go)
{
	struct message m;
	enum kerr err = frame_next(s->in, FRAME_MAX, &m);

	if (err == KERR_NOTFOUND) {
		err = frame_recv(s->control, s->in);
		if (err == KERR_OK)
			err = frame_next(s->in, FRAME_MAX, &m);
	}
	if (err != KERR_OK)
		return err == KERR_NOTFOUND ? KERR_PROTOCOL : err;
	return handle(s, &m, ret, ret_go);
}

enum kerr
role_next(struct role_start *s, struct role_event *ret)
{
	bool go = false;
	enum kerr err = next(s, ret, &go);

	return err == KERR_OK && go ? KERR_PROTOCOL : err;
}

static enum kerr
wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do {
		n = poll(&p, 1, WAIT_MS);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return KERR_TIMEOUT;
	return n < 0 ? KERR_IO : KERR_OK;
}

static enum kerr
keep_handover(struct role_start *s, const struct role_event *event)
{
	if (event->kind != ROLE_EVENT_HANDOVER)
		return event->kind == ROLE_EVENT_STOP ? KERR_CLOSED : KERR_OK;
	if (s->handover_count == ROLE_HANDOVERS_MAX) {
		close(event->handover.fd);
		return KERR_TOO_LARGE;
	}
	s->handovers[s->handover_count++] = event->handover;
	return KERR_OK;
}

static enum kerr
receive_until_go(struct role_start *s)
{
	for (;;) {
		struct role_event event;
		bool go = false;
		enum kerr err = next(s, &event, &go);

		if (err == KERR_BUSY)
			err = wait_readable(s->control);
		else if (err == KERR_OK && go)
			return s->settings ? KERR_OK : KERR_PROTOCOL;
		else if (err == KERR_OK)
			err = keep_handover(s, &event);
		if (err != KERR_OK)
			return err;
	}
}

enum kerr
role_start(enum peer_kind kind, struct role_start *ret, struct fault *fault)
{
	enum kerr err;

	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	ret->control = ret->keeper = -1;
	log_start(peer_kind_name(kind), LOG_INFO, false);
	err = role_harden(fault);
	if (err == KERR_OK)
		err = open_channels(ret, fault);
	if (err != KERR_OK)
		return err;
	ret->in = mem_new(1, sizeof(*ret->in));
	if (!ret->in)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	frame_in_init(ret->in);
	err = receive_until_go(ret);
	if (err != KERR_OK)
		return fault_set(
			fault, err, "", "waiting for the parent: %s", kerr_text(err));
	raise_limit(RLIMIT_MEMLOCK, MEMLOCK_BYTES);
	raise_limit(RLIMIT_NOFILE, 0);
	err = become_user(record_text(ret->settings, user_setting(kind)), fault);
	if (err != KERR_OK)
		return err;
	/* Both are undone by a change of user, so only now. A parent that died before is
	 * seen on the channel. */
	if (!refuse_dumps() || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return fault_set(fault, KERR_IO, "", "the process cannot be hardened: %s",
			strerror(errno));
	return KERR_OK;
}

void
role_end(struct role_start *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->handover_count; i++) {
		if (s->handovers[i].fd >= 0)
			close(s->handovers[i].fd);
	}
	if (s->in)
		frame_in_clear(s->in);
	mem_free(s->in);
	arena_free(s->arena);
	if (s->control >= 0)
		close(s->control);
	if (s->keeper >= 0)
		close(s->keeper);
	memset(s, 0, sizeof(*s));
	s->control = s->keeper = -1;
}

int
role_take(struct role_start *s, enum handover_word what, struct role_handover *ret)
{
	for (unsigned i = 0; i < s->handover_count; i++) {
		struct role_handover *h = &s->handovers[i];
		int fd = h->fd;

		if (h->what != what || fd < 0)
			continue;
		if (ret)
			*ret = *h;
		h->fd = -1;
		return fd;
	}
	return -1;
}

static enum kerr
say(struct role_start *s, enum message_number number)
{
	struct message m = {.number = (uint16_t)number, .fd = -1};
	struct frame_out out;
	enum kerr err;

	frame_out_init(&out);
	err = frame_put(&out, &m);
	if (err == KERR_OK)
		err = frame_send(s->control, &out);
	frame_out_clear(&out);
	return err;
}

enum kerr
role_ready(struct role_start *s)
{
	return say(s, MESSAGE_READY);
}

enum kerr
role_alive(struct role_start *s)
{
	enum kerr err = say(s, MESSAGE_ALIVE);

	return err == KERR_BUSY ? KERR_OK : err;
}

enum kerr
role_ask_stop(struct role_start *s)
{
	return say(s, MESSAGE_STOP_ASKED);
}
