#include "keyd/front/proxy.h"

#include <arpa/inet.h>
#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keyd/role/settings.h"

static struct arena *arena;
static struct proxies *proxies;

static enum kerr
trust(const char *const *networks, const char *field)
{
	struct record *settings = record_new(arena, &settings_schema);
	struct fault fault;

	proxies_free(proxies);
	proxies = NULL;
	for (; *networks; networks++)
		ck_assert_int_eq(record_add_text(settings, SETTINGS_TRUSTED_PROXIES,
					 *networks, strlen(*networks)),
			KERR_OK);
	ck_assert_int_eq(
		record_set_text(settings, SETTINGS_PROXY_HEADER, field), KERR_OK);
	return proxies_new(settings, &proxies, &fault);
}

#define TRUST(field, ...) trust((const char *const[]){__VA_ARGS__, NULL}, field)

static void
setup(void)
{
	arena = arena_new(1 << 20);
}

static void
teardown(void)
{
	proxies_free(proxies);
	proxies = NULL;
	arena_free(arena);
}

static void
address(const char *text, uint8_t ret[16])
{
	char mapped[64] = "::ffff:";

	if (!strchr(text, ':'))
		memcpy(mapped + 7, text, strlen(text) + 1);
	else
		memcpy(mapped, text, strlen(text) + 1);
	ck_assert_int_eq(inet_pton(AF_INET6, mapped, ret), 1);
}

static bool
trusts(const char *text)
{
	uint8_t a[16];

	address(text, a);
	return proxy_trusts(proxies, a);
}

START_TEST(networks_are_told_by_their_bits)
{
	ck_assert_int_eq(TRUST("", "10.1.0.0/20", "192.168.7.1", "2001:db8::/33"), 0);
	ck_assert(trusts("10.1.15.255"));
	ck_assert(!trusts("10.1.16.0"));
	ck_assert(trusts("192.168.7.1"));
	ck_assert(!trusts("192.168.7.2"));
	ck_assert(trusts("2001:db8:7fff::1"));
	ck_assert(!trusts("2001:db8:8000::1"));
	ck_assert(!trusts("::1"));
	ck_assert_int_eq(TRUST("", "0.0.0.0/0"), 0);
	ck_assert(trusts("1.2.3.4"));
	ck_assert(!trusts("2001:db8::1"));
}
END_TEST

START_TEST(what_is_no_network_is_refused)
{
	ck_assert_int_eq(TRUST("", "10.0.0.0/33"), KERR_INVALID);
	ck_assert_int_eq(TRUST("", "10.0.0.0/-1"), KERR_INVALID);
	ck_assert_int_eq(TRUST("", "10.0.0.0/"), KERR_INVALID);
	ck_assert_int_eq(TRUST("", "10.0.0"), KERR_INVALID);
	ck_assert_int_eq(TRUST("", "::1/129"), KERR_INVALID);
	ck_assert_int_eq(TRUST("", "proxy.example"), KERR_INVALID);
	ck_assert_ptr_null(proxies);
	ck_assert(!trusts("10.0.0.1"));
}
END_TEST

static void
expect_caller(const char *peer, const char *list, const char *caller)
{
	uint8_t a[16], b[16];

	address(peer, a);
	address(caller, b);
	proxy_read_field(proxies, list, strlen(list), a);
	ck_assert_msg(memcmp(a, b, 16) == 0, "%s, %s", peer, list);
}

START_TEST(the_last_hop_that_is_not_ours_is_the_caller)
{
	ck_assert_int_eq(TRUST("X-Forwarded-For", "10.0.0.0/8", "::1"), 0);
	ck_assert_str_eq(proxy_field(proxies), "x-forwarded-for");
	expect_caller("10.0.0.1", "203.0.113.9", "203.0.113.9");
	expect_caller("10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9");
	expect_caller("10.0.0.1", "6.6.6.6, 203.0.113.9 , 10.0.0.2", "203.0.113.9");
	expect_caller("::1", "2001:db8::7", "2001:db8::7");
	expect_caller("::1", "[2001:db8::7]", "2001:db8::7");
	/* Whoever is not trusted says nothing, and nonsense is not followed. */
	expect_caller("203.0.113.1", "6.6.6.6", "203.0.113.1");
	expect_caller("10.0.0.1", "unknown", "10.0.0.1");
	expect_caller("10.0.0.1", "6.6.6.6, unknown, 10.0.0.2", "10.0.0.2");
	expect_caller("10.0.0.1", "", "10.0.0.1");
	expect_caller("10.0.0.1", ",", "10.0.0.1");
	expect_caller("10.0.0.1", "10.0.0.2", "10.0.0.2");
}
END_TEST

static int pair[2];

static enum kerr
read_header(const void *bytes, size_t len, uint8_t a[16], size_t *want)
{
	if (pair[0] > 0) {
		close(pair[0]);
		close(pair[1]);
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	if (len)
		ck_assert_int_eq(send(pair[0], bytes, len, 0), (ssize_t)len);
	address("10.0.0.1", a);
	return proxy_read_header(pair[1], a, want);
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

START_TEST(a_proxy_header_gives_the_address_and_leaves_what_follows)
{
	static const char v4[] = SIGNATURE "\x21\x11\0\x0c"
					   "\xcb\0\x71\x09\x0a\0\0\x01\x12\x34\x01\xbb"
					   "next";
	uint8_t a[16], b[16];
	char rest[8] = "";
	size_t want;

	for (size_t len = 0; len < 28; len++)
		ck_assert_int_eq(read_header(v4, len, a, &want), KERR_BUSY);
	ck_assert_uint_eq(want, 28);
	ck_assert_int_eq(read_header(v4, sizeof(v4) - 1, a, &want), KERR_OK);
	address("203.0.113.9", b);
	ck_assert_mem_eq(a, b, 16);
	ck_assert_int_eq(recv(pair[1], rest, sizeof(rest), MSG_DONTWAIT), 4);
	ck_assert_str_eq(rest, "next");
}
END_TEST

START_TEST(other_proxy_headers_keep_the_address_or_are_refused)
{
	uint8_t a[16], b[16], v6[12 + 4 + 36 + 1] = SIGNATURE "\x21\x21\0\x24";
	size_t want;

	address("2001:db8::9", v6 + 16);
	ck_assert_int_eq(read_header(v6, 52, a, &want), KERR_OK);
	ck_assert_mem_eq(a, v6 + 16, 16);
	ck_assert_int_eq(read_header(SIGNATURE "\x20\0\0\0", 16, a, &want), KERR_OK);
	address("10.0.0.1", b);
	ck_assert_mem_eq(a, b, 16);
	ck_assert_int_eq(
		read_header(SIGNATURE "\x11\x11\0\0", 16, a, &want), KERR_PROTOCOL);
	ck_assert_int_eq(
		read_header(SIGNATURE "\x21\x11\0\x04zzzz", 20, a, &want), KERR_PROTOCOL);
	ck_assert_int_eq(
		read_header(SIGNATURE "\x21\x11\xff\xff", 16, a, &want), KERR_PROTOCOL);
	ck_assert_int_eq(read_header("GET / HTTP/1.1", 14, a, &want), KERR_PROTOCOL);
	ck_assert_int_eq(read_header("PROXY TCP4 ", 11, a, &want), KERR_PROTOCOL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proxy");
	TCase *t = tcase_create("proxy");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, networks_are_told_by_their_bits);
	tcase_add_test(t, what_is_no_network_is_refused);
	tcase_add_test(t, the_last_hop_that_is_not_ours_is_the_caller);
	tcase_add_test(t, a_proxy_header_gives_the_address_and_leaves_what_follows);
	tcase_add_test(t, other_proxy_headers_keep_the_address_or_are_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
