#include "core/frame.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];
static struct frame_out out;
static struct frame_in in;

static void
setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	frame_out_init(&out);
	frame_in_init(&in);
}

static void
teardown(void)
{
	frame_out_clear(&out);
	frame_in_clear(&in);
	close(ends[0]);
	close(ends[1]);
}

static void
put(uint32_t id, const void *payload, uint32_t length)
{
	struct message m = {.id = id,
		.number = 7,
		.status = 3,
		.flags = FRAME_ANSWER,
		.length = length,
		.payload = payload,
		.fd = -1};

	ck_assert_int_eq(frame_put(&out, &m), KERR_OK);
}

static void
pass(void)
{
	ck_assert_int_eq(frame_send(ends[0], &out), KERR_OK);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
}

static unsigned
open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Sends raw bytes with descriptors, as a peer that keeps to no rules might. */
static void
send_raw(const void *bytes, size_t len, const int *fds, size_t count)
{
	union {
		char space[CMSG_SPACE(32 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(ends[0], &msg, MSG_NOSIGNAL), (ssize_t)len);
}

static void
header(uint8_t bytes[FRAME_HEADER], uint32_t length, uint32_t flags)
{
	memset(bytes, 0, FRAME_HEADER);
	for (unsigned i = 0; i < 4; i++) {
		bytes[8 + i] = (uint8_t)(length >> (8 * i));
		bytes[12 + i] = (uint8_t)(flags >> (8 * i));
	}
}

static int
memfd(size_t size, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

START_TEST(several_messages_share_a_frame_in_order)
{
	struct message m;

	put(1, "abc", 3);
	put(2, NULL, 0);
	put(0xfffffffe, "d", 1);
	pass();
	ck_assert_uint_eq(out.len, 0);
	ck_assert_uint_eq(out.count, 0);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_OK);
	ck_assert_uint_eq(m.id, 1);
	ck_assert_uint_eq(m.number, 7);
	ck_assert_uint_eq(m.status, 3);
	ck_assert_uint_eq(m.flags, FRAME_ANSWER);
	ck_assert_int_eq(m.fd, -1);
	ck_assert_uint_eq(m.length, 3);
	ck_assert_mem_eq(m.payload, "abc", 3);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_OK);
	ck_assert_uint_eq(m.id, 2);
	ck_assert_ptr_null(m.payload);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_OK);
	ck_assert_uint_eq(m.id, 0xfffffffe);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_NOTFOUND);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_NOTFOUND);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_BUSY);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_and_the_rest_stays)
{
	static uint8_t big[FRAME_MAX];
	struct message m = {
		.id = 1, .length = FRAME_MAX - FRAME_HEADER, .payload = big, .fd = -1};

	put(1, "abc", 3);
	ck_assert_int_eq(frame_put(&out, &m), KERR_TOO_LARGE);
	ck_assert_int_eq(frame_put_large(&out, &m), KERR_INVALID);
	ck_assert_uint_eq(out.count, 1);
	pass();
	ck_assert_int_eq(frame_put(&out, &m), KERR_OK);
	pass();
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_OK);
	ck_assert_uint_eq(m.length, FRAME_MAX - FRAME_HEADER);
	m.length = FRAME_MAX - FRAME_HEADER + 1;
	ck_assert_int_eq(frame_put(&out, &m), KERR_TOO_LARGE);
	m.length = UINT32_MAX;
	ck_assert_int_eq(frame_put(&out, &m), KERR_TOO_LARGE);
	m.length = 0;
	m.flags = FRAME_IN_MEMFD;
	ck_assert_int_eq(frame_put(&out, &m), KERR_INVALID);
	m.flags = FRAME_WITH_FD;
	ck_assert_int_eq(frame_put(&out, &m), KERR_INVALID);
}
END_TEST

START_TEST(a_large_payload_goes_by_sealed_memfd)
{
	static uint8_t big[200000];
	struct message m = {
		.id = 5, .number = 2, .length = sizeof(big), .payload = big, .fd = -1};
	unsigned before = open_fds();

	memset(big, 'k', sizeof(big));
	ck_assert_int_eq(frame_put_large(&out, &m), KERR_OK);
	ck_assert_int_eq(frame_put(&out, &m), KERR_TOO_LARGE);
	pass();
	ck_assert_int_eq(frame_next(&in, sizeof(big), &m), KERR_OK);
	ck_assert_uint_eq(m.id, 5);
	ck_assert_uint_eq(m.flags, FRAME_IN_MEMFD);
	ck_assert_int_eq(m.fd, -1);
	ck_assert_mem_eq(m.payload, big, sizeof(big));
	ck_assert_uint_eq(open_fds(), before);
	ck_assert_int_eq(frame_next(&in, sizeof(big), &m), KERR_NOTFOUND);
	frame_in_clear(&in);
	ck_assert_ptr_null(in.map);
}
END_TEST

START_TEST(a_filled_memfd_is_sealed_and_sent_as_it_is)
{
	struct message m = {.id = 4, .length = 3, .fd = memfd(0, 0)};

	ck_assert_int_eq(write(m.fd, "abc", 3), 3);
	ck_assert_int_eq(frame_put_memfd(&out, &m), KERR_OK);
	ck_assert_int_eq(write(m.fd, "d", 1), -1);
	pass();
	ck_assert_int_eq(frame_next(&in, 3, &m), KERR_OK);
	ck_assert_mem_eq(m.payload, "abc", 3);
	m = (struct message){.length = 1, .fd = memfd(1, F_SEAL_SEAL)};
	ck_assert_int_eq(frame_put_memfd(&out, &m), KERR_IO);
	ck_assert_int_eq(close(m.fd), 0); /* still ours */
}
END_TEST

START_TEST(a_memfd_over_the_bound_is_not_mapped)
{
	static uint8_t big[100000];
	struct message m = {.length = sizeof(big), .payload = big, .fd = -1};

	ck_assert_int_eq(frame_put_large(&out, &m), KERR_OK);
	pass();
	ck_assert_int_eq(frame_next(&in, sizeof(big) - 1, &m), KERR_PROTOCOL);
	ck_assert_ptr_null(in.map);
}
END_TEST

START_TEST(a_memfd_lacking_any_seal_is_not_mapped)
{
	static const int seals[] = {
		F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};
	const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	uint8_t h[FRAME_HEADER];
	struct message m;
	int fd = memfd(4096, all & ~seals[_i]);

	header(h, 4096, FRAME_IN_MEMFD);
	send_raw(h, sizeof(h), &fd, 1);
	close(fd);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 1 << 20, &m), KERR_PROTOCOL);
	ck_assert_ptr_null(in.map);
}
END_TEST

START_TEST(a_memfd_of_another_size_or_no_memfd_is_not_mapped)
{
	const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	static const uint32_t said[] = {4095, 4097, 0};
	uint8_t h[FRAME_HEADER];
	struct message m;
	int fd = memfd(4096, all);

	for (size_t i = 0; i < 3; i++) {
		header(h, said[i], FRAME_IN_MEMFD);
		send_raw(h, sizeof(h), &fd, 1);
		ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
		ck_assert_int_eq(frame_next(&in, 1 << 20, &m), KERR_PROTOCOL);
	}
	close(fd);
	header(h, 4096, FRAME_IN_MEMFD);
	send_raw(h, sizeof(h), &ends[0], 1);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 1 << 20, &m), KERR_PROTOCOL);
}
END_TEST

START_TEST(a_descriptor_is_handed_over)
{
	struct message m = {.id = 9, .length = 2, .payload = (const uint8_t *)"hi"};
	unsigned before = open_fds();
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	m.fd = fds[1];
	ck_assert_int_eq(frame_put(&out, &m), KERR_OK);
	ck_assert_int_eq(frame_send(ends[0], &out), KERR_OK);
	ck_assert_int_eq(fcntl(fds[1], F_GETFD), -1); /* sent means gone here */
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_OK);
	ck_assert_uint_eq(m.flags, FRAME_WITH_FD);
	ck_assert_mem_eq(m.payload, "hi", 2);
	ck_assert_int_eq(fcntl(m.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(write(m.fd, "x", 1), 1);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_NOTFOUND);
	close(m.fd);
	close(fds[0]);
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(a_descriptor_rides_alone)
{
	struct message m = {.fd = memfd(1, 0)};

	put(1, "a", 1);
	ck_assert_int_eq(frame_put(&out, &m), KERR_TOO_LARGE);
	frame_out_clear(&out);
	ck_assert_int_eq(frame_put(&out, &m), KERR_OK);
	m.fd = -1;
	ck_assert_int_eq(frame_put(&out, &m), KERR_TOO_LARGE);
}
END_TEST

START_TEST(unannounced_or_too_many_descriptors_are_refused_and_closed)
{
	int fds[32];
	uint8_t h[2 * FRAME_HEADER] = {0};
	struct message m;
	unsigned before = open_fds();

	for (size_t i = 0; i < 32; i++)
		fds[i] = ends[0];
	for (size_t count = 2; count <= 32; count++) {
		header(h, 0, FRAME_WITH_FD);
		send_raw(h, FRAME_HEADER, fds, count);
		ck_assert_int_eq(frame_recv(ends[1], &in), KERR_PROTOCOL);
		ck_assert_uint_eq(open_fds(), before);
	}
	header(h, 0, 0);
	send_raw(h, FRAME_HEADER, fds, 1);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_PROTOCOL);
	header(h, 0, FRAME_WITH_FD | FRAME_IN_MEMFD);
	send_raw(h, FRAME_HEADER, fds, 1);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_PROTOCOL);
	header(h, 0, FRAME_WITH_FD);
	send_raw(h, sizeof(h), fds, 1); /* and a second message */
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_PROTOCOL);
	header(h, 0, FRAME_WITH_FD);
	send_raw(h, FRAME_HEADER, NULL, 0);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_PROTOCOL);
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(malformed_headers_are_refused)
{
	uint8_t h[FRAME_HEADER + 4];
	struct message m;

	for (size_t cut = 1; cut < FRAME_HEADER; cut++) {
		header(h, 0, 0);
		send_raw(h, cut, NULL, 0);
		ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
		ck_assert_int_eq(frame_next(&in, 0, &m), KERR_PROTOCOL);
	}
	header(h, 5, 0);
	send_raw(h, sizeof(h), NULL, 0);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_PROTOCOL);
	header(h, UINT32_MAX, 0);
	send_raw(h, sizeof(h), NULL, 0);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_PROTOCOL);
	header(h, 4, 8);
	send_raw(h, sizeof(h), NULL, 0);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_PROTOCOL);
}
END_TEST

START_TEST(a_datagram_longer_than_a_frame_is_refused)
{
	static uint8_t big[FRAME_MAX + 1];

	send_raw(big, sizeof(big), NULL, 0);
	ck_assert_int_eq(frame_recv(ends[1], &in), KERR_PROTOCOL);
}
END_TEST

START_TEST(a_full_socket_is_busy_and_keeps_the_frame)
{
	static uint8_t big[FRAME_MAX - FRAME_HEADER];
	enum kerr err = KERR_OK;
	int frames = 0;
	struct message m;

	while (err == KERR_OK && frames < 1000) {
		put(1, big, sizeof(big));
		err = frame_send(ends[0], &out);
		frames += err == KERR_OK;
	}
	ck_assert_int_eq(err, KERR_BUSY);
	ck_assert_uint_eq(out.count, 1);
	for (int i = 0; i < frames; i++)
		ck_assert_int_eq(frame_recv(ends[1], &in), KERR_OK);
	pass();
	ck_assert_int_eq(frame_next(&in, 0, &m), KERR_OK);
}
END_TEST

START_TEST(a_send_buffer_that_is_too_small_is_not_called_busy)
{
	static uint8_t big[FRAME_MAX - FRAME_HEADER];
	int small = 1;

	ck_assert_int_eq(
		setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	put(1, big, sizeof(big));
	ck_assert_int_eq(frame_send(ends[0], &out), KERR_TOO_LARGE);
}
END_TEST

START_TEST(a_gone_peer_is_closed_both_ways_without_a_signal)
{
	put(1, "left behind", 11);
	ck_assert_int_eq(frame_send(ends[0], &out), KERR_OK);
	close(ends[1]); /* with a frame unread: ECONNRESET */
	ck_assert_int_eq(frame_recv(ends[0], &in), KERR_CLOSED);
	put(2, "b", 1);
	ck_assert_int_eq(frame_send(ends[0], &out), KERR_CLOSED);
	ck_assert_int_eq(frame_recv(ends[0], &in), KERR_CLOSED);
	ends[1] = -1;
}
END_TEST

START_TEST(sent_and_cleared_bytes_are_wiped)
{
	put(1, "PLANTED", 7);
	pass();
	for (size_t i = 0; i < 64; i++)
		ck_assert_uint_eq(out.bytes[i], 0);
	frame_in_clear(&in);
	for (size_t i = 0; i < 64; i++)
		ck_assert_uint_eq(in.bytes[i], 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("frame");
	TCase *tc = tcase_create("frame");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, several_messages_share_a_frame_in_order);
	tcase_add_test(tc, what_does_not_fit_is_refused_and_the_rest_stays);
	tcase_add_test(tc, a_large_payload_goes_by_sealed_memfd);
	tcase_add_test(tc, a_filled_memfd_is_sealed_and_sent_as_it_is);
	tcase_add_test(tc, a_memfd_over_the_bound_is_not_mapped);
	tcase_add_loop_test(tc, a_memfd_lacking_any_seal_is_not_mapped, 0, 4);
	tcase_add_test(tc, a_memfd_of_another_size_or_no_memfd_is_not_mapped);
	tcase_add_test(tc, a_descriptor_is_handed_over);
	tcase_add_test(tc, a_descriptor_rides_alone);
	tcase_add_test(tc, unannounced_or_too_many_descriptors_are_refused_and_closed);
	tcase_add_test(tc, malformed_headers_are_refused);
	tcase_add_test(tc, a_datagram_longer_than_a_frame_is_refused);
	tcase_add_test(tc, a_full_socket_is_busy_and_keeps_the_frame);
	tcase_add_test(tc, a_send_buffer_that_is_too_small_is_not_called_busy);
	tcase_add_test(tc, a_gone_peer_is_closed_both_ways_without_a_signal);
	tcase_add_test(tc, sent_and_cleared_bytes_are_wiped);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
