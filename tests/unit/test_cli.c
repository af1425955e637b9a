#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/model/model.h"
#include "keyd/cli/cli.h"

/* The table of commands and what is read against it. */

static struct arena *arena;
static struct arguments args;
static struct fault fault;

static void
setup(void)
{
	arena = arena_new(1 << 20);
	ck_assert_ptr_nonnull(arena);
	args = (struct arguments){0};
	fault = (struct fault){0};
}

static void
teardown(void)
{
	arguments_clear(&args);
	arena_free(arena);
}

/* Words parted by '|', the program's name before them. */
static enum kerr
read_line(const char *line)
{
	static char text[4096];
	static char *argv[64];
	char *next = text;
	int argc = 1;

	arguments_clear(&args);
	args = (struct arguments){0};
	fault = (struct fault){0};
	snprintf(text, sizeof(text), "%s", line);
	argv[0] = text + sizeof(text) - 1;
	while (next && *next) {
		argv[argc++] = next;
		next = strchr(next, '|');
		if (next)
			*next++ = '\0';
	}
	argv[argc] = NULL;
	return arguments_read(argc, argv, arena, &args, &fault);
}

static void
refuses(const char *line, const char *because)
{
	ck_assert_msg(read_line(line) == KERR_INVALID, "%s was taken", line);
	ck_assert_msg(strstr(fault.text, because) != NULL, "%s: %s", line, fault.text);
}

static void
takes(const char *line)
{
	enum kerr err = read_line(line);

	ck_assert_msg(err == KERR_OK, "%s: %s", line, fault.text);
}

static const char *
query(void)
{
	const char *text = buf_text(&args.query);

	return text ? text : "";
}

START_TEST(every_command_says_what_it_does_and_shows_an_example_of_itself)
{
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = command_at(i);
		size_t n = strlen(c->doc);
		char start[80];

		ck_assert_msg(n > 10 && c->doc[n - 1] == '.', "%s: %s", c->words, c->doc);
		snprintf(start, sizeof(start), "keyd %s", c->words);
		ck_assert_msg(
			strncmp(c->example, start, strlen(start)) == 0, "%s", c->example);
		ck_assert_msg(c->method || c->run, "%s does nothing", c->words);
		ck_assert_ptr_eq(command_find(c->words), c);
	}
}
END_TEST

/* As a shell parts it, but that nothing is expanded. */
static void
as_line(const char *example, char *out, size_t size)
{
	bool quoted = false;
	size_t n = 0;

	for (const char *p = example + strlen("keyd "); *p && n + 1 < size; p++) {
		if (*p == '\'')
			quoted = !quoted;
		else
			out[n++] = *p == ' ' && !quoted ? '|' : *p;
	}
	out[n] = '\0';
}

START_TEST(every_example_is_a_command_line_that_is_taken)
{
	char line[1024];

	for (size_t i = 0; i < commands_count(); i++) {
		as_line(command_at(i)->example, line, sizeof(line));
		takes(line);
		ck_assert_ptr_eq(args.command, command_at(i));
	}
}
END_TEST

START_TEST(every_field_that_may_be_typed_has_one_option_and_no_secret_has_one)
{
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = command_at(i);

		for (unsigned f = 0; c->body && f < c->body->count; f++) {
			const struct field *field = &c->body->fields[f];
			char name[64];

			if (!command_has_field(c, f)) {
				field_option(field, name, sizeof(name));
				ck_assert_int_ne(
					command_field(c, name, strlen(name)), (int)f);
				continue;
			}
			field_option(field, name, sizeof(name));
			ck_assert_int_eq(command_field(c, name, strlen(name)), (int)f);
			ck_assert_int_ne(field->type, FIELD_SECRET);
			ck_assert_int_eq(field->flags & FIELD_SERVER, 0);
			ck_assert_ptr_null(strchr(name, '_'));
		}
	}
}
END_TEST

START_TEST(the_fields_that_a_row_names_are_fields_of_its_body)
{
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = command_at(i);
		const char *p = c->fields ? c->fields : "";

		while (*p) {
			size_t n = strcspn(p, " ");
			char name[64];

			snprintf(name, sizeof(name), "%.*s", (int)n, p);
			ck_assert_msg(schema_field(c->body, name) >= 0, "%s: %s",
				c->words, name);
			ck_assert_msg(command_has_field(
					      c, (unsigned)schema_field(c->body, name)),
				"%s: %s", c->words, name);
			p += n;
			p += strspn(p, " ");
		}
		if (c->operand_field)
			ck_assert_int_ge(schema_field(c->body, c->operand_field), 0);
	}
}
END_TEST

START_TEST(help_names_every_option_of_a_command)
{
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = command_at(i);
		struct buf out;
		char name[80];

		buf_init(&out, 65536);
		help_put_command(&out, c);
		ck_assert_int_eq(buf_error(&out), KERR_OK);
		for (unsigned f = 0; c->body && f < c->body->count; f++) {
			if (!command_has_field(c, f))
				continue;
			name[0] = name[1] = '-';
			field_option(&c->body->fields[f], name + 2, sizeof(name) - 2);
			ck_assert_ptr_nonnull(strstr(buf_text(&out), name));
		}
		for (int o = 0; o < OPTION__COUNT; o++) {
			if (!(c->options & OPTION_BIT(o)))
				continue;
			snprintf(name, sizeof(name), "--%s",
				option_row((enum option)o)->name);
			ck_assert_ptr_nonnull(strstr(buf_text(&out), name));
		}
		ck_assert_ptr_nonnull(strstr(buf_text(&out), c->example));
		ck_assert_ptr_nonnull(strstr(buf_text(&out), "exit codes: 0 done"));
		buf_clear(&out);
	}
}
END_TEST

START_TEST(help_of_all_names_every_word_of_every_command)
{
	struct buf out;

	buf_init(&out, 65536);
	help_put_group(&out, "");
	ck_assert_int_eq(buf_error(&out), KERR_OK);
	for (size_t i = 0; i < commands_count(); i++) {
		const char *last = strrchr(command_at(i)->words, ' ');

		ck_assert_ptr_nonnull(
			strstr(buf_text(&out), last ? last + 1 : command_at(i)->words));
	}
	buf_clear(&out);
}
END_TEST

START_TEST(options_are_the_fields_of_the_body)
{
	takes("vendor|add|Acme SIS|--kind|sis|--namespace-prefixes|uri://a,uri://b|"
	      "--namespace-prefix=uri://c|--email|a@b.example");
	ck_assert_str_eq(record_text(args.body, VENDOR_NAME), "Acme SIS");
	ck_assert_int_eq(record_int(args.body, VENDOR_KIND), VENDOR_KIND_SIS);
	ck_assert_uint_eq(record_count(args.body, VENDOR_PREFIXES), 3);
	ck_assert_str_eq(record_text_at(args.body, VENDOR_PREFIXES, 2), "uri://c");
	takes("year|add|2027|--starts|2026-07-01|--ends=2027-06-30");
	ck_assert_int_eq(record_int(args.body, YEAR_YEAR), 2027);
	takes("client|rotate|42|--not-after|2027-01-01T00:00:00Z|--overlap-days|3");
	ck_assert_str_eq(args.operands[0], "42");
	ck_assert_int_eq(record_int(args.body, CLIENT_ACT_OVERLAP), 3);
	takes("client|revoke|42|--secret|2");
	ck_assert_int_eq(record_int(args.body, CLIENT_ACT_SECRET), 2);
	takes("init|--attended|--owner|ann");
	ck_assert_int_eq(record_int(args.body, INIT_ATTENDED), 1);
}
END_TEST

START_TEST(a_comma_in_an_element_is_escaped)
{
	takes("application|change|7|--ods|State\\, 2027,Other");
	ck_assert_uint_eq(record_count(args.body, APPLICATION_ODS), 2);
	ck_assert_str_eq(record_text_at(args.body, APPLICATION_ODS, 0), "State, 2027");
	takes("application|change|7|--education-organizations|255901,255902");
	ck_assert_int_eq(record_int_at(args.body, APPLICATION_EDORGS, 1), 255902);
	takes("vendor|change|7|--namespace-prefixes=");
	ck_assert(record_has(args.body, VENDOR_PREFIXES));
	ck_assert_uint_eq(record_count(args.body, VENDOR_PREFIXES), 0);
}
END_TEST

START_TEST(records_are_written_as_a_word_and_fields)
{
	const struct record *role;

	takes("operator|add|Ann|--user|ann|--role|hub,scope=255950,ends=2027-06-30|"
	      "--role|auditor");
	ck_assert_uint_eq(record_count(args.body, OPERATOR_ROLES), 2);
	role = record_at(args.body, OPERATOR_ROLES, 0);
	ck_assert_int_eq(record_int(role, ROLE_ROLE), ROLE_IS_HUB);
	ck_assert_int_eq(record_int(role, ROLE_SCOPE), 255950);
	ck_assert(record_has(role, ROLE_ENDS));
	role = record_at(args.body, OPERATOR_ROLES, 1);
	ck_assert_int_eq(record_int(role, ROLE_ROLE), ROLE_IS_AUDITOR);
	refuses("operator|add|Ann|--role|hub,scop=3", "WORD,FIELD=VALUE");
	refuses("operator|add|Ann|--role|hob", "did you mean hub");
	refuses("operator|add|Ann|--role|hub,255950", "WORD,FIELD=VALUE");
}
END_TEST

START_TEST(values_of_the_wrong_form_are_refused_with_the_right_one)
{
	refuses("year|add|2027|--starts|1.7.2026", "a date like");
	refuses("year|add|20x7", "a whole number");
	refuses("client|issue|1|--not-after|2027-01-01", "a time in UTC");
	refuses("vendor|add|A|--kind|sys", "did you mean sis");
	refuses("init|--attended=maybe", "yes or no");
	refuses("edorg|add|A|--number|99999999999999999999", "a whole number");
	refuses("application|change|1|--education-organizations|1,x", "whole numbers");
	refuses("vendor|list|--limit|0", "from 1");
	ck_assert_str_eq(fault.field, "limit");
}
END_TEST

START_TEST(what_a_kind_needs_is_missed_before_anything_is_sent)
{
	ck_assert_int_eq(read_line("vendor|add|A"), KERR_INVALID);
	ck_assert_str_eq(fault.field, "kind");
	takes("vendor|change|A");
	ck_assert_int_eq(
		read_line("ods|add|A|--stage|test|--school-year|1999|--check-mode|own"),
		KERR_INVALID);
	ck_assert_str_eq(fault.field, "school_year");
}
END_TEST

START_TEST(mistyped_words_and_options_get_a_suggestion)
{
	refuses("clint|list", "did you mean client?");
	refuses("client|lst", "did you mean list?");
	refuses("client", "a further word");
	refuses("ods|caller", "a further word");
	refuses("nonsense", "does not know the word");
	refuses("vendor|add|A|--knid|sis", "did you mean --kind?");
	refuses("client|list|--stat|live", "did you mean --state?");
	refuses("client|list|--jsn", "did you mean --json?");
	refuses("client|list|-x", "has no option");
	refuses("client|issue|1|--overlap-days|3", "has no option");
	refuses("vendor|change|1|--state|live", "has no option");
	refuses("year|change|2027|--year|2028", "has no option");
}
END_TEST

START_TEST(operands_are_counted)
{
	refuses("client|show", "needs CLIENT");
	refuses("client|show|1|2", "one word too many");
	refuses("vendor|list|x", "one word too many");
	refuses("client|show|--limit|3|1", "has no option");
	takes("backup|check|x.backup|-");
	ck_assert_str_eq(args.command->words, "backup check");
	takes("backup|x.backup");
	ck_assert_str_eq(args.command->words, "backup");
	takes("client|show|--|--json");
	ck_assert_str_eq(args.operands[0], "--json");
}
END_TEST

START_TEST(options_may_stand_anywhere_and_only_once)
{
	takes("--json|--socket|/run/x|client|show|42|--yes");
	ck_assert_ptr_nonnull(args.options[OPTION_JSON]);
	ck_assert_str_eq(args.options[OPTION_SOCKET], "/run/x");
	ck_assert_ptr_nonnull(args.options[OPTION_YES]);
	refuses("client|show|42|--socket|a|--socket|b", "given twice");
	refuses("vendor|add|A|--name|B|--kind|sis", "given twice");
	refuses("client|show|42|--json=1", "takes no value");
	refuses("client|show|42|--socket", "needs a value");
	refuses("--kind|sis|vendor|add|A", "before the command");
	refuses("client|issue|1|--retry|00112233445566778899aabbccddeeff|--request-id|"
		"00112233445566778899aabbccddeeff",
		"give one");
}
END_TEST

START_TEST(a_list_is_asked_for_by_page_sort_and_filter)
{
	takes("client|list|--limit|20|--after|AbC_-|--sort|-name|--state|live|--filter|"
	      "vendor=Acme & Co");
	ck_assert_str_eq(query(),
		"limit=20&after=AbC_-&sort=-name&state=live&vendor=Acme%20%26%20Co");
	refuses("client|list|--filter|reason=x", "can be filtered by");
	refuses("client|list|--filter|state", "can be filtered by");
	takes("client|list|--school-year|2027");
	ck_assert_str_eq(query(), "school_year=2027");
}
END_TEST

START_TEST(what_looks_like_a_secret_is_refused_unrepeated_and_overwritten)
{
	static char secret[] =
		"kds_QVMZZ-X99DK-ADV8N-67CNB-DTDBZ-EWE76-H3RGY-R1R2D-MYMF8-M5CK7-KBVM1-"
		"N5A9E-79WDP";
	static char json[] = "--reason=see eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ4In0.c2ln";
	static char name[] = "keyd", word[] = "client", verb[] = "find", act[] = "revoke",
		    id[] = "1";
	char *find[] = {name, word, verb, secret, NULL};
	char *revoke[] = {name, word, act, id, json, NULL};

	ck_assert_int_eq(arguments_read(4, find, arena, &args, &fault), KERR_INVALID);
	ck_assert_ptr_nonnull(strstr(fault.text, "looks like a secret"));
	ck_assert_ptr_null(strstr(fault.text, "QVMZZ"));
	for (size_t i = 0; i < sizeof(secret); i++)
		ck_assert_int_eq(secret[i], 0);
	arguments_clear(&args);
	args = (struct arguments){0};
	ck_assert_int_eq(arguments_read(5, revoke, arena, &args, &fault), KERR_INVALID);
	ck_assert_int_eq(json[0], 0);
}
END_TEST

START_TEST(keys_cursors_and_request_ids_are_no_secrets)
{
	takes("client|find|kdTFBQZVH263ABEAN8B45TZW");
	takes("client|list|--after|AQ7_AAEAAAAAAAAAa1Zx9Qw2Er3Ty4Ui5Op6As7Df8Gh9Jk0Lz");
	takes("client|list|--after=AQ7_AAEAAAAAAAAAa1Zx9Qw2Er3Ty4Ui5Op6As7Df8Gh9Jk0Lz");
	takes("client|issue|1|--retry|5d9ff4fcf3d842380118515b820902ab");
	takes("signing-key|withdraw|WuL5QZpMPW5XRG8KZbfpNJiS");
}
END_TEST

START_TEST(help_and_version_need_no_whole_command)
{
	takes("help");
	ck_assert_ptr_nonnull(args.options[OPTION_HELP]);
	takes("client|--help");
	ck_assert_ptr_null(args.command);
	ck_assert_str_eq(args.words, "client");
	takes("help|ods|caller|add");
	ck_assert_str_eq(args.command->words, "ods caller add");
	takes("client|revoke|--help");
	ck_assert_str_eq(args.command->words, "client revoke");
	takes("--version");
	ck_assert_ptr_nonnull(args.options[OPTION_VERSION]);
	ck_assert_int_eq(read_line(""), KERR_OK);
	refuses("help|clint", "did you mean client?");
}
END_TEST

START_TEST(a_reference_is_one_segment_of_the_path)
{
	struct buf out;

	buf_init(&out, 256);
	path_add(&out, "a/b ?#%\xc3\xa9");
	ck_assert_str_eq(buf_text(&out), "a%2Fb%20%3F%23%25%C3%A9");
	buf_clear(&out);
}
END_TEST

START_TEST(every_failure_has_its_exit_code)
{
	const struct command *show = command_find("client show");

	for (int err = 1; err < KERR__COUNT; err++) {
		int code = exit_of((enum kerr)err, show);

		ck_assert_msg(code >= EXIT_FAILED && code <= EXIT_BUSY, "%s",
			kerr_name((enum kerr)err));
	}
	ck_assert_int_eq(exit_of(KERR_OK, show), 0);
	ck_assert_int_eq(exit_of(KERR_INTERNAL, show), 1);
	ck_assert_int_eq(exit_of(KERR_INVALID, show), 2);
	ck_assert_int_eq(exit_of(KERR_NOTFOUND, show), 3);
	ck_assert_int_eq(exit_of(KERR_DENIED, show), 4);
	ck_assert_int_eq(exit_of(KERR_CONFLICT, show), 5);
	ck_assert_int_eq(exit_of(KERR_SEALED, show), 6);
	ck_assert_int_eq(exit_of(KERR_FULL, show), 7);
}
END_TEST

START_TEST(the_wrong_phase_is_too_early_for_most_and_too_late_for_init)
{
	ck_assert_int_eq(exit_of(KERR_PHASE, command_find("client show")), EXIT_AWAY);
	ck_assert_int_eq(exit_of(KERR_PHASE, command_find("init")), EXIT_CONFLICT);
	ck_assert_int_eq(exit_of(KERR_PHASE, command_find("restore")), EXIT_CONFLICT);
	ck_assert_int_eq(exit_of(KERR_PHASE, NULL), EXIT_AWAY);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("cli");
	TCase *table = tcase_create("table"), *typed = tcase_create("typed");

	tcase_add_checked_fixture(table, setup, teardown);
	tcase_add_test(
		table, every_command_says_what_it_does_and_shows_an_example_of_itself);
	tcase_add_test(table, every_example_is_a_command_line_that_is_taken);
	tcase_add_test(table,
		every_field_that_may_be_typed_has_one_option_and_no_secret_has_one);
	tcase_add_test(table, the_fields_that_a_row_names_are_fields_of_its_body);
	tcase_add_test(table, help_names_every_option_of_a_command);
	tcase_add_test(table, help_of_all_names_every_word_of_every_command);
	tcase_add_test(table, every_failure_has_its_exit_code);
	tcase_add_test(
		table, the_wrong_phase_is_too_early_for_most_and_too_late_for_init);
	suite_add_tcase(s, table);
	tcase_add_checked_fixture(typed, setup, teardown);
	tcase_add_test(typed, options_are_the_fields_of_the_body);
	tcase_add_test(typed, a_comma_in_an_element_is_escaped);
	tcase_add_test(typed, records_are_written_as_a_word_and_fields);
	tcase_add_test(typed, values_of_the_wrong_form_are_refused_with_the_right_one);
	tcase_add_test(typed, what_a_kind_needs_is_missed_before_anything_is_sent);
	tcase_add_test(typed, mistyped_words_and_options_get_a_suggestion);
	tcase_add_test(typed, operands_are_counted);
	tcase_add_test(typed, options_may_stand_anywhere_and_only_once);
	tcase_add_test(typed, a_list_is_asked_for_by_page_sort_and_filter);
	tcase_add_test(
		typed, what_looks_like_a_secret_is_refused_unrepeated_and_overwritten);
	tcase_add_test(typed, keys_cursors_and_request_ids_are_no_secrets);
	tcase_add_test(typed, help_and_version_need_no_whole_command);
	tcase_add_test(typed, a_reference_is_one_segment_of_the_path);
	suite_add_tcase(s, typed);
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
