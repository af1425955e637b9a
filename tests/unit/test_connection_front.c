#include "keyd/front/front.h"

#include "tests/unit/front_rig.h"

#include <ctype.h>
#include <fcntl.h>

#include "core/clock.h"
#include "keyd/front/connection.h"

#define FORM  "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON  "Content-Type: application/json\r\n"
#define BASIC "Authorization: Basic a2RLRVk6a2RzX1NFQ1JFVA==\r\n" /* kdKEY:kds_SECRET */

static struct rig *rig;
static struct arena *arena;

static void
setup(void)
{
	rig = rig_start(false);
	arena = arena_new(1 << 20);
}

static void
teardown(void)
{
	arena_free(arena);
	rig_end(rig);
}

static void
answer_with(const struct record *r)
{
	buf_reset(&rig->answer);
	record_encode(r, &rig->answer);
	rig->status = KERR_OK;
}

static void
answer_token(void)
{
	struct record *r = record_new(arena, &token_schema);

	ck_assert_int_eq(record_set_bytes(r, TOKEN_TOKEN, "a.b.c", 5), KERR_OK);
	record_set_int(r, TOKEN_EXPIRES_IN, 600);
	ck_assert_int_eq(record_set_text(r, TOKEN_SCOPE, "SISVendor"), KERR_OK);
	answer_with(r);
}

#define assert_in(text) ck_assert_msg(strstr(rig->reply, text), "%s", rig->reply)

#define assert_not_in(text) ck_assert_msg(!strstr(rig->reply, text), "%s", rig->reply)

START_TEST(requests_behind_each_other_are_answered_in_order)
{
	static const char text[] = "GET /oauth/jwks HTTP/1.1\r\nHost: a\r\n\r\n"
				   "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
				   "HEAD /oauth/jwks HTTP/1.1\r\nHost: a\r\n\r\n"
				   "GET /oauth/jwks HTTP/1.0\r\n\r\n";
	int fd = rig_connect(rig, DOOR_PUBLIC);
	char all[8192];
	size_t len = 0;
	const char *second, *third;

	rig_say(rig, fd, text);
	for (int i = 0; i < 200; i++) {
		ssize_t n = recv(fd, all + len, sizeof(all) - 1 - len, 0);

		if (n > 0)
			len += (size_t)n;
		rig_turn(rig);
	}
	all[len] = '\0';
	second = strstr(all, "HTTP/1.1 404");
	ck_assert_ptr_nonnull(second);
	third = strstr(second, "HTTP/1.1 200");
	ck_assert_ptr_nonnull(third);
	/* HEAD has no body: the next answer follows the blank line. */
	ck_assert_int_eq(strncmp(strstr(third, "\r\n\r\n") + 4, "HTTP/1.1 200", 12), 0);
	ck_assert_ptr_nonnull(strstr(third, "Connection: close\r\n"));
	close(fd);
}
END_TEST

START_TEST(questions_of_one_round_go_in_one_frame)
{
	int fds[20];
	char request[512];

	answer_token();
	snprintf(request, sizeof(request),
		"POST /oauth/token HTTP/1.1\r\nHost: a\r\n" FORM BASIC
		"Content-Length: 29\r\n\r\ngrant_type=client_credentials");
	for (size_t i = 0; i < 20; i++) {
		fds[i] = rig_connect(rig, DOOR_PUBLIC);
		rig_write(rig, fds[i], request, strlen(request));
	}
	rig_turn(rig);
	rig_turn(rig);
	ck_assert_uint_eq(rig->questions, 20);
	ck_assert_uint_eq(rig->frames, 1);
	for (size_t i = 0; i < 20; i++) {
		ck_assert(rig_read(rig, fds[i]));
		ck_assert_uint_eq(rig_status(rig), 200);
		close(fds[i]);
	}
}
END_TEST

static void
send_token_request(int fd)
{
	static const char text[] = "POST /oauth/token HTTP/1.1\r\nHost: a\r\n" FORM BASIC
				   "Content-Length: 29\r\n\r\n"
				   "grant_type=client_credentials";

	rig_say(rig, fd, text);
}

START_TEST(more_open_frames_than_64_are_refused_with_503)
{
	int fds[KEEPER_FRAMES_MAX + 1];

	rig->deaf = true;
	for (size_t i = 0; i <= KEEPER_FRAMES_MAX; i++) {
		fds[i] = rig_connect(rig, DOOR_PUBLIC);
		send_token_request(fds[i]);
		rig_turn(rig);
		rig_turn(rig);
	}
	ck_assert(rig_read(rig, fds[KEEPER_FRAMES_MAX]));
	ck_assert_uint_eq(rig_status(rig), 503);
	assert_in("Retry-After: 1\r\n");
	rig->deaf = false;
	answer_token();
	for (size_t i = 0; i < KEEPER_FRAMES_MAX; i++) {
		ck_assert(rig_read(rig, fds[i]));
		ck_assert_uint_eq(rig_status(rig), 200);
	}
	for (size_t i = 0; i <= KEEPER_FRAMES_MAX; i++)
		close(fds[i]);
	ck_assert_uint_eq(keeper_open_frames(rig->front.keeper), 0);
}
END_TEST

START_TEST(an_answer_for_a_caller_that_left_does_no_harm)
{
	int fd = rig_connect(rig, DOOR_PUBLIC);

	rig->deaf = true;
	send_token_request(fd);
	rig_turn(rig);
	rig_turn(rig);
	ck_assert_uint_eq(keeper_open_questions(rig->front.keeper), 1);
	/* Another caller takes the same place before the answer comes. */
	connections_end(rig->front.table);
	close(fd);
	fd = rig_connect(rig, DOOR_PUBLIC);
	rig->deaf = false;
	answer_token();
	rig_turn(rig);
	rig_turn(rig);
	ck_assert_uint_eq(keeper_open_questions(rig->front.keeper), 0);
	rig_say(rig, fd, "GET /oauth/jwks HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(rig_read(rig, fd));
	assert_in("\"keys\"");
	close(fd);
}
END_TEST

START_TEST(a_keeper_that_dies_leaves_503_and_another_one_serves)
{
	int fd = rig_connect(rig, DOOR_PUBLIC), pair[2];

	rig->deaf = true;
	send_token_request(fd);
	rig_turn(rig);
	close(rig->keeper);
	rig->keeper = -1;
	ck_assert(rig_read(rig, fd));
	ck_assert_uint_eq(rig_status(rig), 503);
	send_token_request(fd);
	ck_assert(rig_read(rig, fd));
	ck_assert_uint_eq(rig_status(rig), 503);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	rig->keeper = pair[0];
	rig->deaf = false;
	answer_token();
	front_attach_keeper(&rig->front, pair[1]);
	send_token_request(fd);
	ck_assert(rig_read(rig, fd));
	ck_assert_uint_eq(rig_status(rig), 200);
	close(fd);
}
END_TEST

static void
wrong_answer(struct rig *r, const struct message *m)
{
	struct message a = {
		.id = m->id + 1, .number = m->number, .flags = FRAME_ANSWER, .fd = -1};

	rig_send(r, &a);
}

START_TEST(a_keeper_that_breaks_the_protocol_is_dropped)
{
	rig->on_question = wrong_answer;
	ck_assert_uint_eq(rig_post(rig, "/oauth/token", FORM BASIC,
				  "grant_type=client_credentials"),
		503);
	ck_assert_int_eq(keeper_fd(rig->front.keeper), -1);
}
END_TEST

static void
wait_ms(unsigned ms)
{
	uint64_t until = clock_monotonic_us() + ms * 1000;

	while (clock_monotonic_us() < until) {
		rig_turn(rig);
		usleep(2000);
	}
}

START_TEST(a_request_that_drips_is_ended_in_time)
{
	int fd = rig_connect(rig, DOOR_PUBLIC);
	const char text[] = "POST /oauth/token HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaa";

	rig->front.limits.request_ms = 200;
	for (size_t i = 0; i < 40; i++) {
		rig_write(rig, fd, text + i, 1);
		wait_ms(10);
	}
	wait_ms(500);
	ck_assert(rig_read(rig, fd));
	ck_assert_uint_eq(rig_status(rig), 408);
	ck_assert_uint_ge(rig->front.counters.timeouts, 1);
	close(fd);
}
END_TEST

START_TEST(an_idle_connection_is_ended_without_a_word)
{
	int fd = rig_connect(rig, DOOR_PUBLIC);
	char byte;

	rig->front.limits.idle_ms = 100;
	rig_say(rig, fd, "GET /oauth/jwks HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(rig_read(rig, fd));
	wait_ms(700);
	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	ck_assert_uint_eq(connections_count(rig->front.table), 0);
	close(fd);
}
END_TEST

START_TEST(a_keeper_that_does_not_answer_costs_503)
{
	int fd = rig_connect(rig, DOOR_PUBLIC);

	rig->deaf = true;
	rig->front.limits.answer_ms = 100;
	send_token_request(fd);
	wait_ms(700);
	ck_assert(rig_read(rig, fd));
	ck_assert_uint_eq(rig_status(rig), 503);
	/* Its answer comes too late for that request and is not given to the next. */
	rig->deaf = false;
	rig->status = KERR_UNKNOWN_CALLER;
	rig_say(rig, fd, "GET /oauth/jwks HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(rig_read(rig, fd));
	assert_in("\"keys\"");
	close(fd);
}
END_TEST

START_TEST(connections_over_the_limits_are_turned_away)
{
	int fds[3];
	char byte;

	rig->front.limits.connections_source = 2;
	for (size_t i = 0; i < 3; i++)
		fds[i] = rig_connect(rig, DOOR_PUBLIC);
	rig_turn(rig);
	ck_assert_int_eq(recv(fds[2], &byte, 1, 0), 0);
	ck_assert_uint_eq(connections_count(rig->front.table), 2);
	close(fds[0]);
	rig_turn(rig);
	rig_turn(rig);
	close(fds[2]);
	fds[2] = rig_connect(rig, DOOR_PUBLIC);
	rig_turn(rig);
	ck_assert_int_eq(recv(fds[2], &byte, 1, 0), -1);
	close(fds[1]);
	close(fds[2]);
}
END_TEST

START_TEST(a_body_over_its_limit_is_answered_though_nobody_reads_it)
{
	int fd = rig_connect(rig, DOOR_PUBLIC);
	static char body[100000];

	memset(body, 'x', sizeof(body));
	rig_say(rig, fd,
		"POST /oauth/token HTTP/1.1\r\nHost: a\r\n"
		"Content-Length: 100000\r\n\r\n");
	rig_write(rig, fd, body, sizeof(body));
	ck_assert(rig_read(rig, fd));
	ck_assert_uint_eq(rig_status(rig), 413);
	assert_in("Connection: close\r\n");
	close(fd);
}
END_TEST

START_TEST(whoever_expects_it_is_told_to_continue)
{
	int fd = rig_connect(rig, DOOR_PUBLIC);
	static const char head[] = "POST /oauth/token HTTP/1.1\r\nHost: a\r\n" FORM BASIC
				   "Expect: 100-continue\r\nContent-Length: 29\r\n\r\n";
	char text[64] = "";

	answer_token();
	rig_say(rig, fd, head);
	rig_turn(rig);
	ck_assert_int_eq(recv(fd, text, sizeof(text) - 1, 0), 25);
	ck_assert_str_eq(text, "HTTP/1.1 100 Continue\r\n\r\n");
	rig_say(rig, fd, "grant_type=client_credentials");
	ck_assert(rig_read(rig, fd));
	ck_assert_uint_eq(rig_status(rig), 200);
	close(fd);
}
END_TEST

START_TEST(stopping_finishes_what_is_in_hand)
{
	int busy = rig_connect(rig, DOOR_PUBLIC), idle = rig_connect(rig, DOOR_PUBLIC);
	char byte;

	rig->deaf = true;
	send_token_request(busy);
	rig_turn(rig);
	rig_turn(rig);
	front_stop(&rig->front);
	rig_turn(rig);
	ck_assert_int_eq(recv(idle, &byte, 1, 0), 0);
	ck_assert(!rig->front.ended);
	rig->deaf = false;
	answer_token();
	ck_assert(rig_read(rig, busy));
	ck_assert_uint_eq(rig_status(rig), 200);
	assert_in("Connection: close\r\n");
	rig_turn(rig);
	ck_assert(rig->front.ended);
	close(busy);
	close(idle);
}
END_TEST

#define CANARY 24
#define MASK   0x5a /* so that what is looked for is not what is found */

static const char *
take_hex(const char *p, unsigned long *ret)
{
	*ret = 0;
	for (; isxdigit((unsigned char)*p); p++)
		*ret = *ret << 4 | (unsigned long)(isdigit((unsigned char)*p)
							   ? *p - '0'
							   : (*p | 0x20) - 'a' + 10);
	return p;
}

/* Is it in any writable memory of this process? */
static bool
in_memory(const uint8_t masked[CANARY])
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	size_t size = 1 << 20;
	uint8_t *part = malloc(size);
	bool found = false;
	char line[512];

	while (!found && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		const char *at;

		at = take_hex(line, &from);
		at = take_hex(at + 1, &to);
		/* "rw-p": what cannot be written to holds nothing of a request. */
		if (at[2] != 'w' || to - from > (64UL << 20))
			continue;
		for (; from < to && !found; from += size - CANARY) {
			size_t len = to - from < size ? to - from : size;
			ssize_t n = pread(mem, part, len, (off_t)from);

			for (ssize_t i = 0; i + CANARY <= n && !found; i++) {
				size_t k = 0;

				while (k < CANARY &&
					(part[i + (ssize_t)k] ^ MASK) == masked[k])
					k++;
				found = k == CANARY;
			}
			sodium_memzero(part, size);
		}
	}
	free(part);
	close(mem);
	fclose(maps);
	return found;
}

static void
make_canary(uint8_t masked[CANARY])
{
	for (size_t i = 0; i < CANARY; i++)
		masked[i] = (uint8_t)('a' + randombytes_uniform(26)) ^ MASK;
}

static void
send_with(int fd, const char *before, const uint8_t masked[CANARY], const char *after)
{
	uint8_t plain[CANARY];

	for (size_t i = 0; i < CANARY; i++)
		plain[i] = masked[i] ^ MASK;
	rig_say(rig, fd, before);
	rig_write(rig, fd, (const char *)plain, CANARY);
	sodium_memzero(plain, sizeof(plain));
	rig_say(rig, fd, after);
}

struct planted {
	const char *before;
	const char *after;
};

#define POST "POST /oauth/token HTTP/1.1\r\nHost: a\r\n" FORM
static const struct planted planted[] = {
	{POST "Content-Length: 83\r\n\r\ngrant_type=client_credentials&client_id=kdK"
	      "&client_secret=",
		"&"},
	{POST "Content-Length: 83\r\n\r\ngrant_type=client_credentials&client_secret=kdK"
	      "&client_id=",
		"&"},
	{POST "Content-Length: 83\r\n\r\ngrant_type=client_credentials&client_id=kdK"
	      "&client_",
		"secret=&"},
	{POST "X-", ": 1\r\nContent-Length: 0\r\n\r\n"},
	{"GET /", " HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"GET /oauth/jwks?", " HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"POST /oauth/token HTTP/1.1\r\nHost: a\r\n" JSON
	 "Content-Length: 67\r\n\r\n{\"grant_type\":\"client_credentials\",\"",
		"\":\"x\"} "},
};

START_TEST(nothing_of_a_secret_is_left_once_its_request_is_over)
{
	const struct planted *p = &planted[_i];
	int fd = rig_connect(rig, DOOR_PUBLIC);
	uint8_t masked[CANARY];

	answer_token();
	make_canary(masked);
	send_with(fd, p->before, masked, "");
	rig_turn(rig);
	rig_turn(rig);
	ck_assert(in_memory(masked));
	rig_say(rig, fd, p->after);
	ck_assert(rig_read(rig, fd));
	buf_reset(&rig->asked);
	frame_in_clear(&rig->in);
	ck_assert(!in_memory(masked));
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("connection_front");
	TCase *t = tcase_create("connection_front");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, requests_behind_each_other_are_answered_in_order);
	tcase_add_test(t, questions_of_one_round_go_in_one_frame);
	tcase_add_test(t, more_open_frames_than_64_are_refused_with_503);
	tcase_add_test(t, an_answer_for_a_caller_that_left_does_no_harm);
	tcase_add_test(t, a_keeper_that_dies_leaves_503_and_another_one_serves);
	tcase_add_test(t, a_keeper_that_breaks_the_protocol_is_dropped);
	tcase_add_test(t, a_request_that_drips_is_ended_in_time);
	tcase_add_test(t, an_idle_connection_is_ended_without_a_word);
	tcase_add_test(t, a_keeper_that_does_not_answer_costs_503);
	tcase_add_test(t, connections_over_the_limits_are_turned_away);
	tcase_add_test(t, a_body_over_its_limit_is_answered_though_nobody_reads_it);
	tcase_add_test(t, whoever_expects_it_is_told_to_continue);
	tcase_add_test(t, stopping_finishes_what_is_in_hand);
	tcase_add_loop_test(t, nothing_of_a_secret_is_left_once_its_request_is_over, 0,
		sizeof(planted) / sizeof(planted[0]));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
