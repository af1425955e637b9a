#include "core/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define SEALS    (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define FLAGS    (FRAME_ANSWER | FRAME_IN_MEMFD | FRAME_WITH_FD)
#define FD_FLAGS (FRAME_IN_MEMFD | FRAME_WITH_FD)
#define FDS_PER_IO                                                                       \
	4 /* room for more than are allowed, so that extra ones are seen and closed */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static uint32_t
get_number(const uint8_t *p, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint32_t)p[i] << (8 * i);
	return v;
}

static void
put_number(uint8_t *p, unsigned bytes, uint32_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void
frame_out_init(struct frame_out *f)
{
	f->len = 0;
	f->count = 0;
	f->fd = -1;
}

void
frame_out_clear(struct frame_out *f)
{
	sodium_memzero(f->bytes, f->len);
	close_fd(&f->fd);
	frame_out_init(f);
}

static void
put_header(struct frame_out *f, const struct message *m, uint32_t flags)
{
	uint8_t *p = f->bytes + f->len;

	put_number(p, 4, m->id);
	put_number(p + 4, 2, m->number);
	put_number(p + 6, 2, m->status);
	put_number(p + 8, 4, m->length);
	put_number(p + 12, 4, flags);
	f->len += FRAME_HEADER;
	f->count++;
}

enum kerr
frame_put(struct frame_out *f, const struct message *m)
{
	uint32_t flags = m->flags;

	if (m->fd >= 0)
		flags |= FRAME_WITH_FD;
	if ((flags & ~(uint32_t)(FRAME_ANSWER | FRAME_WITH_FD)) ||
		(m->fd < 0 && (flags & FRAME_WITH_FD)))
		return KERR_INVALID;
	if (f->fd >= 0 || (m->fd >= 0 && f->count))
		return KERR_TOO_LARGE;
	if (m->length > FRAME_MAX - FRAME_HEADER ||
		f->len + FRAME_HEADER + m->length > FRAME_MAX)
		return KERR_TOO_LARGE;
	put_header(f, m, flags);
	if (m->length)
		memcpy(f->bytes + f->len, m->payload, m->length);
	f->len += m->length;
	f->fd = m->fd >= 0 ? m->fd : -1;
	return KERR_OK;
}

static enum kerr
write_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ENOSPC || errno == ENOMEM ? KERR_NOMEM : KERR_IO;
		p += n;
		len -= (size_t)n;
	}
	return KERR_OK;
}

enum kerr
frame_put_large(struct frame_out *f, const struct message *m)
{
	enum kerr err;
	int fd;

	if (f->count || m->fd >= 0 || !m->length || (m->flags & ~(uint32_t)FRAME_ANSWER))
		return KERR_INVALID;
	fd = memfd_create("keyd-frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return errno == ENOMEM ? KERR_NOMEM : KERR_IO;
	err = write_all(fd, m->payload, m->length);
	if (err == KERR_OK && fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		err = KERR_IO;
	if (err != KERR_OK) {
		close(fd);
		return err;
	}
	put_header(f, m, m->flags | FRAME_IN_MEMFD);
	f->fd = fd;
	return KERR_OK;
}

enum kerr
frame_put_memfd(struct frame_out *f, const struct message *m)
{
	if (f->count || m->fd < 0 || !m->length || (m->flags & ~(uint32_t)FRAME_ANSWER))
		return KERR_INVALID;
	if (fcntl(m->fd, F_ADD_SEALS, SEALS) != 0)
		return KERR_IO;
	put_header(f, m, m->flags | FRAME_IN_MEMFD);
	f->fd = m->fd;
	return KERR_OK;
}

static enum kerr
socket_error(int error)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ETOOMANYREFS:
		return KERR_BUSY;
	case EPIPE:
	case ECONNRESET:
	case ECONNREFUSED:
	case ENOTCONN:
		return KERR_CLOSED;
	case EMSGSIZE:
		return KERR_TOO_LARGE;
	case ENOMEM:
		return KERR_NOMEM;
	default:
		return KERR_IO;
	}
}

enum kerr
frame_send(int sock, struct frame_out *f)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = f->bytes, .iov_len = f->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (!f->count)
		return KERR_OK;
	if (f->fd >= 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &f->fd, sizeof(int));
	}
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return socket_error(errno);
	frame_out_clear(f);
	return KERR_OK;
}

void
frame_in_init(struct frame_in *f)
{
	f->len = 0;
	f->at = 0;
	f->fd = -1;
	f->map = NULL;
	f->map_len = 0;
}

void
frame_in_clear(struct frame_in *f)
{
	sodium_memzero(f->bytes, f->len);
	close_fd(&f->fd);
	if (f->map)
		munmap(f->map, f->map_len);
	frame_in_init(f);
}

/* Keeps the first descriptor that came with the datagram and closes all others; false
 * when there was anything but one descriptor. */
static bool
take_descriptors(struct msghdr *msg, int *ret_fd)
{
	bool good = true;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			good = false;
			continue;
		}
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*ret_fd < 0) {
				*ret_fd = fd;
				continue;
			}
			close(fd);
			good = false;
		}
	}
	return good;
}

enum kerr
frame_recv(int sock, struct frame_in *f)
{
	union {
		char space[CMSG_SPACE(FDS_PER_IO * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = f->bytes, .iov_len = sizeof(f->bytes)};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	ssize_t n;
	bool good;

	frame_in_clear(f);
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return socket_error(errno);
	good = take_descriptors(&msg, &f->fd);
	f->len = (size_t)n;
	if (n > 0 && good && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return KERR_OK;
	frame_in_clear(f);
	return n == 0 ? KERR_CLOSED : KERR_PROTOCOL;
}

/* Only what can neither change nor shrink under our eyes is mapped: a peer that could
 * truncate it would end this process by SIGBUS. */
static enum kerr
map_payload(struct frame_in *f, uint32_t length, size_t max_len)
{
	int seals = fcntl(f->fd, F_GET_SEALS);
	struct stat st;
	void *map;

	if (seals < 0 || (seals & SEALS) != SEALS)
		return KERR_PROTOCOL;
	if (fstat(f->fd, &st) != 0)
		return KERR_IO;
	if (!length || length > max_len || st.st_size != (off_t)length)
		return KERR_PROTOCOL;
	map = mmap(NULL, length, PROT_READ, MAP_PRIVATE, f->fd, 0);
	if (map == MAP_FAILED)
		return errno == ENOMEM ? KERR_NOMEM : KERR_IO;
	f->map = map;
	f->map_len = length;
	close_fd(&f->fd);
	return KERR_OK;
}

/* Descriptor, flags and place in the frame agree with each other. */
static bool
descriptor_agrees(const struct frame_in *f, uint32_t flags, size_t end)
{
	uint32_t with = flags & FD_FLAGS;

	if (f->fd < 0)
		return with == 0;
	return (with == FRAME_IN_MEMFD || with == FRAME_WITH_FD) && f->at == 0 &&
	       end == f->len;
}

enum kerr
frame_next(struct frame_in *f, size_t max_len, struct message *ret)
{
	const uint8_t *p = f->bytes + f->at;
	size_t left = f->len - f->at;
	struct message m = {.fd = -1};
	size_t inside;

	if (!left)
		return KERR_NOTFOUND;
	if (left < FRAME_HEADER)
		return KERR_PROTOCOL;
	m.id = get_number(p, 4);
	m.number = (uint16_t)get_number(p + 4, 2);
	m.status = (uint16_t)get_number(p + 6, 2);
	m.length = get_number(p + 8, 4);
	m.flags = get_number(p + 12, 4);
	inside = m.flags & FRAME_IN_MEMFD ? 0 : m.length;
	if ((m.flags & ~(uint32_t)FLAGS) || inside > left - FRAME_HEADER)
		return KERR_PROTOCOL;
	if (!descriptor_agrees(f, m.flags, f->at + FRAME_HEADER + inside))
		return KERR_PROTOCOL;
	if (m.flags & FRAME_IN_MEMFD) {
		enum kerr err = map_payload(f, m.length, max_len);

		if (err != KERR_OK)
			return err;
		m.payload = f->map;
	} else if (m.length) {
		m.payload = p + FRAME_HEADER;
	}
	if (m.flags & FRAME_WITH_FD) {
		m.fd = f->fd;
		f->fd = -1;
	}
	f->at += FRAME_HEADER + inside;
	*ret = m;
	return KERR_OK;
}
