#include "core/wire/http_client.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"

#define BODY_MAX    ((size_t)1 << 20)
#define REQUEST_MAX ((size_t)4 << 20)

static struct http_client *client;
static int peer = -1;
static char folder[64];
static struct sockaddr_un address;
static int listener = -1;

static const struct http_request get = {.method = "GET", .target = "/a"};

static void
setup(void)
{
	client = http_client_new(BODY_MAX, REQUEST_MAX);
	ck_assert_ptr_nonnull(client);
}

static void
teardown(void)
{
	http_client_free(client);
	if (peer >= 0)
		close(peer);
	if (listener >= 0)
		close(listener);
	if (folder[0]) {
		unlink(address.sun_path);
		rmdir(folder);
	}
	peer = listener = -1;
	folder[0] = '\0';
}

static void
pair(void)
{
	int ends[2];

	if (peer >= 0)
		close(peer);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(http_client_adopt(client, ends[0]), KERR_OK);
	peer = ends[1];
}

static void
listen_in_folder(int backlog)
{
	snprintf(folder, sizeof(folder), "/tmp/keyd-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
		bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, backlog), 0);
}

static void
say(const char *bytes, size_t len)
{
	ck_assert_int_eq(send(peer, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
say_text(const char *text)
{
	say(text, strlen(text));
}

/* What comes of these bytes as the answer to a GET, however they are cut. */
static enum kerr
answer_cut(const char *bytes, size_t len, size_t piece)
{
	enum kerr err = KERR_BUSY;

	pair();
	ck_assert_int_eq(http_client_request(client, &get), KERR_OK);
	ck_assert_int_eq(http_client_step(client), KERR_BUSY);
	for (size_t at = 0; at < len && err == KERR_BUSY; at += piece) {
		say(bytes + at, at + piece <= len ? piece : len - at);
		err = http_client_step(client);
	}
	return err;
}

static enum kerr
answer(const char *text)
{
	size_t len = strlen(text);
	enum kerr whole = answer_cut(text, len, len);

	/* What follows a complete answer is seen only when it comes together with it. */
	if (whole != KERR_PROTOCOL)
		ck_assert_int_eq(answer_cut(text, len, 1), whole);
	return whole == KERR_OK ? answer_cut(text, len, len) : whole;
}

static void
body_is(const char *text)
{
	size_t len;
	const uint8_t *body = http_client_body(client, &len);

	ck_assert_uint_eq(len, strlen(text));
	if (len)
		ck_assert_mem_eq(body, text, len);
}

START_TEST(a_request_is_written_as_the_rfc_has_it)
{
	static const struct http_header headers[] = {
		{"Accept", "application/json"}, {"Idempotency-Key", "abc"}};
	struct http_request q = {.method = "POST",
		.target = "/keyd/vendors?x=%20",
		.headers = headers,
		.header_count = 2,
		.body = "{}",
		.body_len = 2};
	char got[512] = "";

	pair();
	ck_assert_uint_eq(http_client_wants(client), 0);
	ck_assert_int_eq(http_client_request(client, &q), KERR_OK);
	ck_assert_uint_eq(http_client_wants(client), HTTP_WANT_READ | HTTP_WANT_WRITE);
	ck_assert_int_eq(http_client_request(client, &q), KERR_CONFLICT);
	ck_assert_int_eq(http_client_step(client), KERR_BUSY);
	ck_assert_uint_eq(http_client_wants(client), HTTP_WANT_READ);
	ck_assert_int_gt(recv(peer, got, sizeof(got) - 1, 0), 0);
	ck_assert_str_eq(got, "POST /keyd/vendors?x=%20 HTTP/1.1\r\n"
			      "Host: localhost\r\nAccept: application/json\r\n"
			      "Idempotency-Key: abc\r\nContent-Length: 2\r\n\r\n{}");
	say_text("HTTP/1.1 204 No Content\r\n\r\n");
	ck_assert_int_eq(http_client_step(client), KERR_OK);
	ck_assert_uint_eq(http_client_status(client), 204);
	q.body_len = 0;
	ck_assert_int_eq(http_client_request(client, &q), KERR_OK);
	ck_assert_int_eq(http_client_step(client), KERR_BUSY);
	memset(got, 0, sizeof(got));
	ck_assert_int_gt(recv(peer, got, sizeof(got) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(got, "\r\nContent-Length: 0\r\n"));
}
END_TEST

START_TEST(what_could_split_a_request_is_not_sent)
{
	struct http_header h = {"X", "a"};
	struct http_request q = get;

	pair();
	q.headers = &h;
	q.header_count = 1;
	h.value = "a\r\nB: c";
	ck_assert_int_eq(http_client_request(client, &q), KERR_INVALID);
	h.value = "a";
	h.name = "X Y";
	ck_assert_int_eq(http_client_request(client, &q), KERR_INVALID);
	h.name = "";
	ck_assert_int_eq(http_client_request(client, &q), KERR_INVALID);
	h.name = "X";
	q.target = "/a b";
	ck_assert_int_eq(http_client_request(client, &q), KERR_INVALID);
	q.target = "/a\r\n";
	ck_assert_int_eq(http_client_request(client, &q), KERR_INVALID);
	q.target = "a";
	ck_assert_int_eq(http_client_request(client, &q), KERR_INVALID);
	q.target = "/\xc3\xa9";
	ck_assert_int_eq(http_client_request(client, &q), KERR_INVALID);
	q = get;
	q.method = "HEAD";
	ck_assert_int_eq(http_client_request(client, &q), KERR_INVALID);
	ck_assert_int_eq(http_client_request(client, &get), KERR_OK);
}
END_TEST

START_TEST(lengths_and_chunks_are_read_however_they_are_cut)
{
	ck_assert_int_eq(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
				"X-One:  two \t\r\nEmpty:\r\n\r\nhello"),
		KERR_OK);
	ck_assert_uint_eq(http_client_status(client), 200);
	body_is("hello");
	ck_assert_str_eq(http_client_header(client, "x-ONE"), "two");
	ck_assert_str_eq(http_client_header(client, "empty"), "");
	ck_assert_ptr_null(http_client_header(client, "none"));
	ck_assert(http_client_connected(client));
	ck_assert_int_eq(answer("HTTP/1.1 404\r\nTransfer-Encoding: chunked\r\n\r\n"
				"5\r\nhello\r\n00b\r\n and so on.\r\n0\r\n\r\n"),
		KERR_OK);
	ck_assert_uint_eq(http_client_status(client), 404);
	body_is("hello and so on.");
	ck_assert_int_eq(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), KERR_OK);
	body_is("");
	ck_assert_int_eq(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
				"0\r\n\r\n"),
		KERR_OK);
	ck_assert_int_eq(
		answer("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"), KERR_OK);
}
END_TEST

START_TEST(interim_responses_are_passed_over_but_not_for_ever)
{
	ck_assert_int_eq(answer("HTTP/1.1 100 Continue\r\n\r\n"
				"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
				"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
		KERR_OK);
	ck_assert_ptr_null(http_client_header(client, "Link"));
	body_is("a");
	ck_assert_int_eq(
		answer("HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
		       "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
		       "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
		       "0\r\n\r\n"),
		KERR_PROTOCOL);
	ck_assert_int_eq(
		answer("HTTP/1.1 101 Switching Protocols\r\n\r\n"), KERR_PROTOCOL);
}
END_TEST

static const char *const broken[] = {
	"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
	"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 0\nX: y\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: a\x01\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
	"HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\na",
	"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\na",
	"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
	"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\na",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
	"chunked\r\n\r\n",
	"HTTP/1.1 200 OK\r\n\r\nuntil the end",
	"HTTP/1.1 204 OK\r\nContent-Length: 3\r\n\r\nabc",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n000000001\r\na",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
};

START_TEST(what_no_front_of_keyd_sends_breaks_the_protocol)
{
	size_t len;

	ck_assert_msg(answer(broken[_i]) == KERR_PROTOCOL, "%s", broken[_i]);
	ck_assert(!http_client_connected(client));
	ck_assert_uint_eq(http_client_status(client), 0);
	http_client_body(client, &len);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(http_client_request(client, &get), KERR_CLOSED);
}
END_TEST

START_TEST(a_nul_byte_in_the_head_breaks_the_protocol)
{
	static const char text[] =
		"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n";

	ck_assert_int_eq(answer_cut(text, sizeof(text) - 1, sizeof(text)), KERR_PROTOCOL);
}
END_TEST

START_TEST(ceilings_hold)
{
	char head[HTTP_HEAD_MAX + 100];
	struct http_request q = get;
	size_t at;

	ck_assert_int_eq(answer("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"),
		KERR_TOO_LARGE);
	ck_assert_int_eq(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				"chunked\r\n\r\n1\r\na\r\n100000\r\n"),
		KERR_TOO_LARGE);
	memset(head, 'a', sizeof(head));
	memcpy(head, "HTTP/1.1 200 OK\r\nX: ", 20);
	ck_assert_int_eq(answer_cut(head, sizeof(head), sizeof(head)), KERR_TOO_LARGE);
	memcpy(head + sizeof(head) - 4, "\r\n\r\n", 4);
	ck_assert_int_eq(answer_cut(head, sizeof(head), sizeof(head)), KERR_TOO_LARGE);
	at = (size_t)snprintf(
		head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
	for (unsigned i = 0; i < HTTP_HEADERS_MAX; i++)
		at += (size_t)snprintf(head + at, sizeof(head) - at, "X: y\r\n");
	snprintf(head + at, sizeof(head) - at, "\r\n");
	ck_assert_int_eq(answer(head), KERR_PROTOCOL);
	pair();
	q.method = "POST";
	q.body_len = REQUEST_MAX;
	q.body = mem_new(REQUEST_MAX, 1);
	ck_assert_int_eq(http_client_request(client, &q), KERR_TOO_LARGE);
	mem_free((void *)(uintptr_t)q.body);
	ck_assert_int_eq(http_client_request(client, &get), KERR_OK);
}
END_TEST

START_TEST(an_answer_that_breaks_off_is_closed)
{
	static const char *const parts[] = {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		pair();
		ck_assert_int_eq(http_client_request(client, &get), KERR_OK);
		say_text(parts[i]);
		close(peer);
		peer = -1;
		ck_assert_int_eq(http_client_step(client), KERR_CLOSED);
		ck_assert(!http_client_connected(client));
		ck_assert_uint_eq(http_client_status(client), 0);
	}
}
END_TEST

START_TEST(a_connection_is_kept_unless_the_answer_ends_it)
{
	ck_assert_int_eq(
		answer("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: "
		       "0\r\n\r\n"),
		KERR_OK);
	ck_assert(http_client_connected(client));
	ck_assert_int_eq(http_client_request(client, &get), KERR_OK);
	say_text("HTTP/1.1 201 C\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
	ck_assert_int_eq(http_client_step(client), KERR_OK);
	ck_assert_uint_eq(http_client_status(client), 201);
	body_is("x");
	ck_assert(!http_client_connected(client));
	ck_assert_int_eq(http_client_step(client), KERR_OK); /* it stays there */
	ck_assert_int_eq(answer("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), KERR_OK);
	ck_assert(!http_client_connected(client));
}
END_TEST

START_TEST(an_idle_connection_that_ended_is_noticed_before_anything_is_sent)
{
	ck_assert_int_eq(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), KERR_OK);
	close(peer);
	peer = -1;
	ck_assert_int_eq(http_client_request(client, &get), KERR_CLOSED);
	ck_assert_int_eq(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), KERR_OK);
	say_text("HTTP/1.1 200"); /* unasked */
	ck_assert_int_eq(http_client_request(client, &get), KERR_CLOSED);
}
END_TEST

START_TEST(connecting_tells_why_not)
{
	char longer[200];

	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(http_client_connect(client, longer), KERR_INVALID);
	ck_assert_int_eq(http_client_connect(client, ""), KERR_INVALID);
	ck_assert_int_eq(
		http_client_connect(client, "/nonexistent/socket"), KERR_NOTFOUND);
	listen_in_folder(0);
	ck_assert_int_eq(http_client_connect(client, address.sun_path), KERR_OK);
	ck_assert_int_ge(http_client_fd(client), 0);
	close(listener);
	listener = -1;
	ck_assert_int_eq(http_client_connect(client, address.sun_path), KERR_CLOSED);
	ck_assert_int_eq(http_client_fd(client), -1);
	if (geteuid() != 0) {
		ck_assert_int_eq(chmod(address.sun_path, 0), 0);
		ck_assert_int_eq(
			http_client_connect(client, address.sun_path), KERR_DENIED);
	}
}
END_TEST

START_TEST(a_full_queue_is_busy_and_waited_for_only_so_long)
{
	int held[16];
	size_t n = 0;
	enum kerr err = KERR_OK;
	uint64_t before;

	listen_in_folder(0);
	while (n < 16 && err == KERR_OK) {
		err = http_client_connect(client, address.sun_path);
		if (err == KERR_OK)
			held[n++] = dup(http_client_fd(client));
	}
	ck_assert_int_eq(err, KERR_BUSY);
	before = clock_monotonic_us();
	ck_assert_int_eq(
		http_client_connect_wait(client, address.sun_path, 50), KERR_TIMEOUT);
	ck_assert_uint_ge(clock_monotonic_us() - before, 50000);
	peer = accept(listener, NULL, NULL);
	ck_assert_int_eq(
		http_client_connect_wait(client, address.sun_path, 1000), KERR_OK);
	while (n)
		close(held[--n]);
}
END_TEST

START_TEST(waiting_ends_at_its_time_and_can_go_on)
{
	uint64_t before = clock_monotonic_us();

	pair();
	ck_assert_int_eq(http_client_call(client, &get, 60), KERR_TIMEOUT);
	ck_assert_uint_ge(clock_monotonic_us() - before, 60000);
	ck_assert(http_client_connected(client));
	say_text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	ck_assert_int_eq(http_client_wait(client, 1000), KERR_OK);
	body_is("ok");
}
END_TEST

/* A front that takes connections one after the other: reads what is sent up to `take`
 * bytes, slowly, then says `text`. */
struct front {
	size_t take;
	const char *text;
	size_t repeat; /* of text's last byte */
};

static void *
front_runs(void *data)
{
	const struct front *front = data;
	static char piece[65536];
	size_t got = 0;

	while (got < front->take) {
		ssize_t n = recv(peer, piece, sizeof(piece), 0);

		if (n <= 0)
			return NULL;
		got += (size_t)n;
	}
	if (send(peer, front->text, strlen(front->text), MSG_NOSIGNAL) < 0)
		return NULL;
	memset(piece, front->text[strlen(front->text) - 1], sizeof(piece));
	for (size_t left = front->repeat; left;) {
		ssize_t n = send(peer, piece, left < sizeof(piece) ? left : sizeof(piece),
			MSG_NOSIGNAL);

		if (n <= 0)
			return NULL;
		left -= (size_t)n;
	}
	shutdown(peer, SHUT_WR);
	return NULL;
}

static enum kerr
post_to(struct front *front, size_t body_len)
{
	struct http_request q = {.method = "POST", .target = "/", .body_len = body_len};
	pthread_t thread;
	enum kerr err;
	void *body = mem_new(body_len, 1);

	q.body = body;
	pair();
	ck_assert_int_eq(pthread_create(&thread, NULL, front_runs, front), 0);
	err = http_client_call(client, &q, 20000);
	pthread_join(thread, NULL);
	mem_free(body);
	return err;
}

START_TEST(large_bodies_pass_both_ways)
{
	struct front front = {.take = 3000000,
		.text = "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\nx",
		.repeat = 1048575};
	const uint8_t *body;
	size_t len;

	ck_assert_int_eq(post_to(&front, 3000000), KERR_OK);
	body = http_client_body(client, &len);
	ck_assert_uint_eq(len, 1048576);
	for (size_t i = 0; i < len; i++)
		ck_assert(body[i] == 'x');
}
END_TEST

START_TEST(an_early_answer_counts_and_ends_the_connection)
{
	struct front front = {.take = 1,
		.text = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"};

	ck_assert_int_eq(post_to(&front, 3000000), KERR_OK);
	ck_assert_uint_eq(http_client_status(client), 413);
	body_is("no");
	ck_assert(!http_client_connected(client));
}
END_TEST

START_TEST(a_front_that_dies_while_we_send_raises_no_signal)
{
	struct http_request q = {.method = "POST", .target = "/"};
	enum kerr err;
	void *body = mem_new(3000000, 1);

	pair();
	q.body = body;
	q.body_len = 3000000;
	ck_assert_int_eq(http_client_request(client, &q), KERR_OK);
	ck_assert_int_eq(http_client_step(client), KERR_BUSY);
	close(peer);
	peer = -1;
	err = http_client_wait(client, 1000);
	ck_assert_int_eq(err, KERR_CLOSED);
	mem_free(body);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_client");
	TCase *tc = tcase_create("http_client");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_request_is_written_as_the_rfc_has_it);
	tcase_add_test(tc, what_could_split_a_request_is_not_sent);
	tcase_add_test(tc, lengths_and_chunks_are_read_however_they_are_cut);
	tcase_add_test(tc, interim_responses_are_passed_over_but_not_for_ever);
	tcase_add_loop_test(tc, what_no_front_of_keyd_sends_breaks_the_protocol, 0,
		sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(tc, a_nul_byte_in_the_head_breaks_the_protocol);
	tcase_add_test(tc, ceilings_hold);
	tcase_add_test(tc, an_answer_that_breaks_off_is_closed);
	tcase_add_test(tc, a_connection_is_kept_unless_the_answer_ends_it);
	tcase_add_test(
		tc, an_idle_connection_that_ended_is_noticed_before_anything_is_sent);
	tcase_add_test(tc, connecting_tells_why_not);
	tcase_add_test(tc, a_full_queue_is_busy_and_waited_for_only_so_long);
	tcase_add_test(tc, waiting_ends_at_its_time_and_can_go_on);
	tcase_add_test(tc, large_bodies_pass_both_ways);
	tcase_add_test(tc, an_early_answer_counts_and_ends_the_connection);
	tcase_add_test(tc, a_front_that_dies_while_we_send_raises_no_signal);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
