#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/parent/config/address.h"
#include "keyd/parent/config/config.h"
#include "keyd/parent/config/nearest.h"

static struct arena *arena;
static struct fault fault;

#define NEEDED                                                                           \
	"state_directory: /var/lib/keyd\n"                                               \
	"audit:\n"                                                                       \
	"  sink: /srv/keyd-audit\n"                                                      \
	"public:\n"                                                                      \
	"  url: https://keys.state.example\n"                                            \
	"tls:\n"                                                                         \
	"  certificate: /etc/keyd/tls.crt\n"                                             \
	"  key: /etc/keyd/tls.key\n"
/* The next line is line 9. */

static void
setup(void)
{
	arena = arena_new(CONFIG_ARENA);
	ck_assert_ptr_nonnull(arena);
	memset(&fault, 0, sizeof(fault));
}

static void
teardown(void)
{
	arena_free(arena);
}

static struct record *
good(const char *text)
{
	struct record *r = NULL;
	enum kerr err = config_read("keyd.yaml", text, strlen(text), arena, &r, &fault);

	ck_assert_msg(err == KERR_OK, "%s", fault.text);
	return r;
}

static void
bad(const char *text, const char *field, const char *begin, const char *hint)
{
	struct record *r = NULL;
	enum kerr err = config_read("keyd.yaml", text, strlen(text), arena, &r, &fault);

	ck_assert_msg(err == KERR_INVALID, "taken: %s", text);
	ck_assert_ptr_null(r);
	ck_assert_msg(
		strcmp(fault.field, field) == 0, "'%s' of: %s", fault.field, fault.text);
	ck_assert_msg(strncmp(fault.text, begin, strlen(begin)) == 0, "%s", fault.text);
	ck_assert_msg(strstr(fault.text, hint) != NULL, "%s", fault.text);
}

START_TEST(what_is_not_given_has_its_default)
{
	struct record *r = good(NEEDED);

	ck_assert_str_eq(record_text(r, SETTINGS_STATE_DIRECTORY), "/var/lib/keyd");
	ck_assert_str_eq(record_text(r, SETTINGS_AUDIT_SINK), "/srv/keyd-audit");
	ck_assert_int_eq(record_int(r, SETTINGS_TOKEN_SECONDS), 600);
	ck_assert_str_eq(record_text(r, SETTINGS_TIME_ZONE), "UTC");
}
END_TEST

START_TEST(every_kind_of_value_is_read)
{
	struct record *r = good(NEEDED "  # a comment\n"
				       "admin: {listen: [], socket_group: keyd}\n"
				       "tokens:\n"
				       "  lifetime: 900\n"
				       "trusted_proxies:\n"
				       "  - 10.0.0.0/8\n"
				       "  - \"2001:db8::/32\"\n"
				       "log: {level: debug, format: json}\n"
				       "seal:\n");

	ck_assert_uint_eq(record_count(r, SETTINGS_ADMIN_LISTEN), 0);
	ck_assert_str_eq(record_text(r, SETTINGS_SOCKET_GROUP), "keyd");
	ck_assert_int_eq(record_int(r, SETTINGS_TOKEN_SECONDS), 900);
	ck_assert_uint_eq(record_count(r, SETTINGS_TRUSTED_PROXIES), 2);
	ck_assert_str_eq(record_text(r, SETTINGS_LOG_LEVEL), "debug");
	ck_assert_str_eq(record_text(r, SETTINGS_LOG_FORMAT), "json");
}
END_TEST

START_TEST(one_element_need_not_be_a_list)
{
	const struct record *r = good(NEEDED "admin:\n  listen: 127.0.0.1:9000\n");

	ck_assert_uint_eq(record_count(r, SETTINGS_ADMIN_LISTEN), 1);
	ck_assert_str_eq(record_text_at(r, SETTINGS_ADMIN_LISTEN, 0), "127.0.0.1:9000");
}
END_TEST

START_TEST(a_hexadecimal_number_is_not_sixteen)
{
	bad(NEEDED "fronts: 0x10\n", "fronts",
		"keyd.yaml, line 9: fronts: '0x10' will not do",
		"write a whole number from 0 to 64 (processes)");
	bad(NEEDED "fronts: 010\n", "fronts", "keyd.yaml, line 9: ", "'010'");
	bad(NEEDED "fronts: 1e1\n", "fronts", "keyd.yaml, line 9: ", "'1e1'");
	bad(NEEDED "fronts: 1_0\n", "fronts", "keyd.yaml, line 9: ", "'1_0'");
	bad(NEEDED "fronts: +1\n", "fronts", "keyd.yaml, line 9: ", "'+1'");
	bad(NEEDED "fronts: \"2\"\n", "fronts", "keyd.yaml, line 9: ", "without quotes");
	bad(NEEDED "fronts: 99999999999999999999\n", "fronts",
		"keyd.yaml, line 9: ", "from 0 to 64");
}
END_TEST

START_TEST(only_true_and_false_are_true_and_false)
{
	bad(NEEDED "tokens: {lifetime: yes}\n", "tokens.lifetime",
		"keyd.yaml, line 9: ", "(seconds)");
	bad("audit: {syslog: yes}\n", "audit.syslog",
		"keyd.yaml, line 1: ", "write true or false");
	bad("audit: {syslog: TRUE}\n", "audit.syslog",
		"keyd.yaml, line 1: ", "write true or false");
	bad("audit: {syslog: 'true'}\n", "audit.syslog",
		"keyd.yaml, line 1: ", "without quotes");
}
END_TEST

START_TEST(a_key_twice_is_refused_with_both_lines)
{
	bad(NEEDED "fronts: 1\nlog:\n  level: info\nfronts: 2\n", "fronts",
		"keyd.yaml, line 12: ", "on line 9 already");
	bad("log:\n  level: info\n  level: warn\n", "level",
		"keyd.yaml, line 3: ", "line 2");
}
END_TEST

START_TEST(an_unknown_key_names_the_one_that_was_meant)
{
	bad(NEEDED "frnots: 1\n", "frnots",
		"keyd.yaml, line 9: ", "did you mean 'fronts'?");
	bad(NEEDED "tokens:\n  life_time: 600\n", "tokens.life_time",
		"keyd.yaml, line 10: ", "did you mean 'tokens.lifetime'");
	bad("sink: /srv/x\n", "sink",
		"keyd.yaml, line 1: ", "did you mean 'audit.sink' (sink below audit)?");
	bad("audit.sink: /srv/x\n", "audit.sink",
		"keyd.yaml, line 1: ", "sink below audit");
	bad("entirely_elsewhere: 1\n", "entirely_elsewhere",
		"keyd.yaml, line 1: ", "keyd config show");
}
END_TEST

START_TEST(a_wrong_word_names_the_words_there_are)
{
	bad("log: {level: warning}\n", "log.level",
		"keyd.yaml, line 1: ", "error, warn, info or debug");
	bad("log: {level: inof}\n", "log.level",
		"keyd.yaml, line 1: ", "did you mean 'info'?");
}
END_TEST

START_TEST(a_value_of_another_shape_is_refused)
{
	bad("fronts: [1]\n", "fronts", "keyd.yaml, line 1: ", "whole number");
	bad("fronts:\n", "fronts", "keyd.yaml, line 1: ", "no value behind the colon");
	bad("state_directory: {a: b}\n", "state_directory",
		"keyd.yaml, line 1: ", "write a text");
	bad("log: info\n", "log", "keyd.yaml, line 1: ", "is a group");
	bad("public: {listen: {a: b}}\n", "public.listen",
		"keyd.yaml, line 1: ", "as a list");
	bad("public: {listen: [[a]]}\n", "public.listen",
		"keyd.yaml, line 1: ", "as a list");
	bad("- a\n", "", "keyd.yaml, line 1: ", "name: value");
}
END_TEST

START_TEST(what_must_be_given_is_missed_by_name)
{
	bad("", "state_directory", "keyd.yaml: state_directory is missing", "database");
	bad("# nothing\n", "state_directory", "keyd.yaml: ", "missing");
	bad("state_directory: /a\naudit: {sink: /b}\n", "public.url",
		"keyd.yaml: ", "missing");
}
END_TEST

START_TEST(yaml_beyond_plain_values_is_refused)
{
	bad("a: &x 1\nb: *x\n", "", "keyd.yaml, line 1: ", "anchors");
	bad("fronts: !!int 1\n", "", "keyd.yaml, line 1: ", "tags");
	bad("fronts: 1\n---\nfronts: 2\n", "", "keyd.yaml, line 2: ", "one document");
	bad("? [a, b]\n: 1\n", "", "keyd.yaml, line 1: ", "a key is a plain word");
	bad("fronts: 1\n\tlog: info\n", "", "keyd.yaml, line 2: ", "");
	bad("fronts: [1\n", "", "keyd.yaml, line ", "");
	bad("a: [[[[[[[[[[1]]]]]]]]]]\n", "", "keyd.yaml, line 1: ", "deeply");
	bad("state_directory: \"/var\\0\"\n", "", "keyd.yaml, line 1: ", "NUL");
	bad("state_directory: \xff\n", "", "keyd.yaml, byte ", "UTF-8");
}
END_TEST

START_TEST(hidden_characters_are_refused_in_texts)
{
	bad(NEEDED "time_zone: \"UTC\\u202e\"\n", "time_zone",
		"keyd.yaml, line 9: time_zone: ", "");
}
END_TEST

START_TEST(paths_must_be_whole)
{
	bad(NEEDED "seal: {key_file: seal.key}\n", "seal.key_file",
		"keyd.yaml, line 9: ", "whole path");
}
END_TEST

START_TEST(sink_and_seal_key_lie_outside_the_state_directory)
{
	bad(NEEDED "seal: {key_file: /var/lib/keyd/seal.key}\n", "seal.key_file",
		"keyd.yaml, line 9: ", "outside the state directory");
	bad("state_directory: /var/lib/keyd/\naudit: {sink: /var/lib/keyd/sink}\n"
	    "public: {url: https://a}\ntls: {certificate: /a, key: /b}\n",
		"audit.sink", "keyd.yaml, line 2: ", "outside the state directory");
	good("state_directory: /var/lib/keyd\naudit: {sink: /var/lib/keyd-audit}\n"
	     "public: {url: https://a}\ntls: {certificate: /a, key: /b}\n");
}
END_TEST

START_TEST(addresses_are_numbers_with_a_port)
{
	static const char *const wrong[] = {"127.0.0.1", "localhost:80", ":8443",
		"127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:0x50", "[::1]", "::1:80",
		"[::1:80", "[]:80", "1.2.3.4.5:80", "127.0.0.1:80 "};
	struct address a;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(address_read(wrong[i], &a) == KERR_INVALID, "%s", wrong[i]);
	ck_assert_int_eq(address_read("127.0.0.1:8443", &a), KERR_OK);
	ck_assert_int_eq(a.at.any.sa_family, AF_INET);
	ck_assert_int_eq(address_read("[::1]:65535", &a), KERR_OK);
	ck_assert_int_eq(a.at.any.sa_family, AF_INET6);
	bad(NEEDED "admin: {listen: localhost:8444}\n", "admin.listen",
		"keyd.yaml, line 9: ", "127.0.0.1:8443");
	bad(NEEDED "admin: {listen: 127.0.0.1:8443}\n", "admin.listen",
		"keyd.yaml, line 9: ", "given twice");
}
END_TEST

START_TEST(a_network_has_nothing_behind_its_prefix)
{
	ck_assert(address_is_network("10.0.0.0/8"));
	ck_assert(address_is_network("10.1.2.3"));
	ck_assert(address_is_network("10.1.2.3/32"));
	ck_assert(address_is_network("0.0.0.0/0"));
	ck_assert(address_is_network("2001:db8::/32"));
	ck_assert(!address_is_network("10.1.0.0/8"));
	ck_assert(!address_is_network("10.0.0.0/33"));
	ck_assert(!address_is_network("10.0.0.0/"));
	ck_assert(!address_is_network("10.0.0.0/-1"));
	ck_assert(!address_is_network("proxy.example"));
	ck_assert(!address_is_network("2001:db8::1/32"));
}
END_TEST

START_TEST(the_issuer_is_an_https_address_without_extras)
{
	static const char *const wrong[] = {"http://keys.example", "https://",
		"https:///path", "https://keys.example/", "https://keys.example?a=b",
		"https://keys.example#x", "https://me@keys.example"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			"state_directory: /a\naudit: {sink: /b}\n"
			"tls: {certificate: /c, key: /d}\npublic:\n  url: \"%s\"\n",
			wrong[i]);
		bad(text, "public.url", "keyd.yaml, line 5: ", "");
	}
}
END_TEST

START_TEST(a_time_zone_must_be_on_this_machine)
{
	bad(NEEDED "time_zone: America/Chicgo\n", "time_zone",
		"keyd.yaml, line 9: ", "America/Chicago");
	bad(NEEDED "time_zone: ../../etc/passwd\n", "time_zone",
		"keyd.yaml, line 9: ", "no zone");
}
END_TEST

START_TEST(what_is_shown_reads_back_the_same)
{
	const struct record *r =
		good(NEEDED "users: {front: 'a.b-c'}\n"
			    "tokens: {lifetime: 77, audience: \"a \\\"b\\\\c\"}\n"
			    "trusted_proxies: [10.0.0.0/8, \"::1\"]\n"
			    "log: {level: warn}\n");
	struct buf first, second;

	buf_init(&first, CONFIG_MAX);
	buf_init(&second, CONFIG_MAX);
	config_show(r, &first);
	config_show(good(buf_text(&first)), &second);
	ck_assert_str_eq(buf_text(&first), buf_text(&second));
	ck_assert_ptr_nonnull(strstr(buf_text(&first), "  lifetime: 77\n"));
	ck_assert_ptr_nonnull(strstr(buf_text(&first),
		"  # lifetime of a token; 60 to 1800 seconds; default 600\n"));
	buf_clear(&first);
	buf_clear(&second);
}
END_TEST

START_TEST(a_file_that_cannot_be_used_says_what_to_do)
{
	char path[] = "/tmp/keyd-config-XXXXXX";
	int fd = mkstemp(path);
	struct record *r = NULL;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, NEEDED, strlen(NEEDED)), strlen(NEEDED));
	ck_assert_int_eq(config_load(path, arena, &r, &fault), KERR_OK);
	ck_assert_int_eq(fchmod(fd, 0666), 0);
	ck_assert_int_eq(config_load(path, arena, &r, &fault), KERR_DENIED);
	ck_assert_ptr_nonnull(strstr(fault.text, "chmod o-w"));
	ck_assert_int_eq(ftruncate(fd, CONFIG_MAX + 1), 0);
	ck_assert_int_eq(fchmod(fd, 0600), 0);
	ck_assert_int_eq(config_load(path, arena, &r, &fault), KERR_TOO_LARGE);
	close(fd);
	unlink(path);
	ck_assert_int_eq(config_load(path, arena, &r, &fault), KERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(fault.text, "--config"));
	ck_assert_int_eq(config_load("/tmp", arena, &r, &fault), KERR_INVALID);
}
END_TEST

START_TEST(letters_exchanged_count_once)
{
	ck_assert_uint_eq(nearest_distance("fronts", "frnots"), 1);
	ck_assert_uint_eq(nearest_distance("", "abc"), 3);
	ck_assert_uint_eq(nearest_distance("sink", "sink"), 0);
	ck_assert_uint_eq(nearest_distance("kitten", "sitting"), 3);
	ck_assert_ptr_null(nearest_setting("zzzzzzz"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("config");
	TCase *tc = tcase_create("config");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_not_given_has_its_default);
	tcase_add_test(tc, every_kind_of_value_is_read);
	tcase_add_test(tc, one_element_need_not_be_a_list);
	tcase_add_test(tc, a_hexadecimal_number_is_not_sixteen);
	tcase_add_test(tc, only_true_and_false_are_true_and_false);
	tcase_add_test(tc, a_key_twice_is_refused_with_both_lines);
	tcase_add_test(tc, an_unknown_key_names_the_one_that_was_meant);
	tcase_add_test(tc, a_wrong_word_names_the_words_there_are);
	tcase_add_test(tc, a_value_of_another_shape_is_refused);
	tcase_add_test(tc, what_must_be_given_is_missed_by_name);
	tcase_add_test(tc, yaml_beyond_plain_values_is_refused);
	tcase_add_test(tc, hidden_characters_are_refused_in_texts);
	tcase_add_test(tc, paths_must_be_whole);
	tcase_add_test(tc, sink_and_seal_key_lie_outside_the_state_directory);
	tcase_add_test(tc, addresses_are_numbers_with_a_port);
	tcase_add_test(tc, a_network_has_nothing_behind_its_prefix);
	tcase_add_test(tc, the_issuer_is_an_https_address_without_extras);
	tcase_add_test(tc, a_time_zone_must_be_on_this_machine);
	tcase_add_test(tc, what_is_shown_reads_back_the_same);
	tcase_add_test(tc, a_file_that_cannot_be_used_says_what_to_do);
	tcase_add_test(tc, letters_exchanged_count_once);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
