#include "keyd/front/http.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 4096
#define VECTORS  KEYD_SOURCE "/tests/data/http-vectors.txt"

struct vector {
	char verdict[16];
	char name[80];
	struct buf bytes;
};

static uint8_t
digit(char c)
{
	ck_assert(isxdigit((unsigned char)c));
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

static uint8_t
hex(const char *p)
{
	return (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
}

/* Appends the text up to `end` (or its own end) with the escapes of the file resolved. */
static const char *
unescape(struct buf *out, const char *p, char end)
{
	while (*p && *p != '\n' && *p != end) {
		if (*p == '\\') {
			static const char from[] = "rnt0\\";
			static const char to[] = "\r\n\t\0\\";
			const char *at = strchr(from, p[1]);

			if (p[1] == 'x') {
				buf_put_u8(out, hex(p + 2));
				p += 4;
			} else {
				ck_assert_ptr_nonnull(at);
				buf_put_u8(out, (uint8_t)to[at - from]);
				p += 2;
			}
		} else if (*p == '*' && p[1] >= '0' && p[1] <= '9') {
			const char *after = NULL;
			int count = 0;

			while (*++p != '(')
				count = count * 10 + digit(*p);
			for (int i = 0; i < count; i++)
				after = unescape(out, p + 1, ')');
			p = after + 1;
		} else {
			buf_put_u8(out, (uint8_t)*p++);
		}
	}
	return p;
}

/* The text up to the next blank; what stands behind it is returned. */
static const char *
take_word(const char *p, char *word, size_t size)
{
	size_t len = strcspn(p, " ");

	ck_assert_uint_lt(len, size);
	memcpy(word, p, len);
	word[len] = '\0';
	return p + len + 1;
}

static bool
read_vector(FILE *f, struct vector *v)
{
	static char line[8192];
	const char *rest;

	do {
		if (!fgets(line, sizeof(line), f))
			return false;
	} while (line[0] == '#' || line[0] == '\n');
	rest = take_word(line, v->verdict, sizeof(v->verdict));
	rest = take_word(rest, v->name, sizeof(v->name));
	buf_reset(&v->bytes);
	unescape(&v->bytes, rest, '\0');
	ck_assert_int_eq(buf_error(&v->bytes), KERR_OK);
	return true;
}

/* What http.c says after each of the steps in which the bytes come. */
static void
judge(const struct vector *v, size_t step, char verdict[16], struct http_in *r,
	struct buf *in)
{
	enum http_progress progress = HTTP_MORE;

	http_in_start(r);
	buf_reset(in);
	for (size_t at = 0; at < v->bytes.len && progress == HTTP_MORE; at += step) {
		size_t n = v->bytes.len - at < step ? v->bytes.len - at : step;

		buf_put(in, v->bytes.data + at, n);
		if (!r->head_len)
			progress = http_in_head(r, in);
		if (r->head_len && progress != HTTP_REFUSED)
			progress = http_in_body(r, in, BODY_MAX);
	}
	if (progress == HTTP_REFUSED)
		snprintf(verdict, 16, "%u", r->refused);
	else
		snprintf(verdict, 16, "%s", progress == HTTP_READY ? "ok" : "more");
}

START_TEST(every_vector_gets_its_verdict_however_it_arrives)
{
	static const size_t steps[] = {1, 2, 7, 100, 1 << 20};
	struct vector v = {.verdict = ""};
	static struct http_in r;
	FILE *f = fopen(VECTORS, "r");
	unsigned count = 0;
	struct buf in;

	ck_assert_ptr_nonnull(f);
	buf_init(&v.bytes, 1 << 20);
	buf_init(&in, 1 << 20);
	while (read_vector(f, &v)) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			char verdict[16];

			judge(&v, steps[i], verdict, &r, &in);
			ck_assert_msg(strcmp(verdict, v.verdict) == 0,
				"%s in steps of %zu: %s, not %s (%s)", v.name, steps[i],
				verdict, v.verdict, r.why ? r.why : "");
		}
		count++;
	}
	ck_assert_uint_gt(count, 90);
	fclose(f);
	buf_clear(&v.bytes);
	buf_clear(&in);
}
END_TEST

static struct http_in request;
static struct buf in;

static enum http_progress
feed(const char *text)
{
	enum http_progress progress;

	http_in_start(&request);
	buf_clear(&in);
	buf_init(&in, 1 << 20);
	buf_put_text(&in, text);
	progress = http_in_head(&request, &in);
	if (progress == HTTP_READY)
		progress = http_in_body(&request, &in, BODY_MAX);
	return progress;
}

START_TEST(the_parts_of_a_request_are_found)
{
	struct http_span value;
	unsigned count;

	ck_assert_int_eq(feed("POST /a/b?c=d HTTP/1.1\r\nHost: h\r\nX-One:  1 2 \r\n"
			      "x-two: a\r\nX-TWO: b\r\nContent-Length: 2\r\n\r\nokGET"),
		HTTP_READY);
	ck_assert_int_eq(request.method, HTTP_METHOD_POST);
	ck_assert(http_span_is(&in, request.path, "/a/b"));
	ck_assert(http_span_is(&in, request.query, "c=d"));
	ck_assert(http_in_field(&request, &in, "x-one", &value, &count));
	ck_assert(http_span_is(&in, value, "1 2"));
	ck_assert(!http_in_field(&request, &in, "x-two", &value, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert(!http_in_field(&request, &in, "x-three", &value, &count));
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(request.body_len, 2);
	ck_assert_mem_eq(in.data + request.head_len, "ok", 2);
	ck_assert_uint_eq(in.len - http_in_used(&request), 3);
}
END_TEST

START_TEST(chunks_are_joined_and_what_follows_stays)
{
	ck_assert_int_eq(
		feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\n\r\nGET / HTTP/1.1"),
		HTTP_READY);
	ck_assert_uint_eq(request.body_len, 12);
	ck_assert_mem_eq(in.data + request.head_len, "hello, world", 12);
	ck_assert_mem_eq(in.data + http_in_used(&request), "GET /", 5);
}
END_TEST

START_TEST(a_connection_is_kept_as_the_version_and_the_field_say)
{
	ck_assert_int_eq(feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_READY);
	ck_assert(request.keep_alive);
	ck_assert_int_eq(feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		HTTP_READY);
	ck_assert(!request.keep_alive);
	ck_assert_int_eq(feed("GET / HTTP/1.0\r\n\r\n"), HTTP_READY);
	ck_assert(!request.keep_alive);
	ck_assert_int_eq(
		feed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), HTTP_READY);
	ck_assert(request.keep_alive);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http");
	TCase *t = tcase_create("http");
	SRunner *r;
	int failed;

	tcase_add_test(t, every_vector_gets_its_verdict_however_it_arrives);
	tcase_add_test(t, the_parts_of_a_request_are_found);
	tcase_add_test(t, chunks_are_joined_and_what_follows_stays);
	tcase_add_test(t, a_connection_is_kept_as_the_version_and_the_field_say);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
