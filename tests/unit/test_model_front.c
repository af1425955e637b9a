#include "keyd/front/front.h"

#include "tests/unit/front_rig.h"

#include "keyd/front/connection.h"
#include "keyd/front/routes.h"
#include "keyd/front/upload.h"

static struct rig *rig;
static struct arena *arena;
static int person;

static void
setup(void)
{
	rig = rig_start(true);
	arena = arena_new(32 << 20);
	person = rig_connect(rig, DOOR_LOCAL);
}

static void
teardown(void)
{
	close(person);
	arena_free(arena);
	rig_end(rig);
}

static unsigned
say(const char *request)
{
	rig_say(rig, person, request);
	return rig_read(rig, person) ? rig_status(rig) : 0;
}

static unsigned
get(const char *target)
{
	char request[1024];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
	return say(request);
}

static unsigned
send_json(const char *method, const char *target, const char *fields, const char *body)
{
	static char request[1 << 16];

	snprintf(request, sizeof(request),
		"%s %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n%s\r\n%s", method,
		target, body[0] ? "Content-Type: application/json\r\n" : "", strlen(body),
		fields, body);
	return say(request);
}

static struct record *
asked(void)
{
	const struct gate_row *row = gate_find(rig->number);
	struct record *r = NULL;

	ck_assert_ptr_nonnull(row);
	ck_assert_int_eq(
		record_decode(row->asked, arena, rig->asked.data, rig->asked.len, &r),
		KERR_OK);
	return r;
}

static void
answer_with(const struct record *r)
{
	buf_reset(&rig->answer);
	record_encode(r, &rig->answer);
	rig->status = KERR_OK;
}

static struct record *
vendor(int64_t id)
{
	struct record *r = record_new(arena, &vendor_schema);

	record_set_int(r, VENDOR_ID, id);
	record_set_int(r, VENDOR_VERSION, 3);
	ck_assert_int_eq(
		record_set_text(r, VENDOR_NAME, "Sp\xc3\xa4ti \"SIS\""), KERR_OK);
	return r;
}

#define assert_in(text)     ck_assert_msg(strstr(rig->reply, text), "%s", rig->reply)
#define assert_not_in(text) ck_assert_msg(!strstr(rig->reply, text), "%s", rig->reply)

START_TEST(an_object_is_added_by_its_schema)
{
	struct record *r, *body;

	answer_with(vendor(12));
	ck_assert_uint_eq(send_json("POST", "/keyd/vendors?dry_run=1&accept=1",
				  "Idempotency-Key: 00112233445566778899aabbccddeeff\r\n",
				  "{\"name\":\"SIS\",\"kind\":\"sis\"}"),
		201);
	assert_in("Location: /keyd/vendors/12\r\n");
	assert_in("ETag: \"3\"\r\n");
	assert_in("{\"id\":12,\"name\":\"Sp\xc3\xa4ti \\\"SIS\\\"\",\"version\":3}");
	ck_assert_uint_eq(rig->number, MESSAGE_VENDOR_ADD);
	r = asked();
	body = record_at(r, REQUEST_BODY, 0);
	ck_assert_str_eq(record_text(body, VENDOR_NAME), "SIS");
	ck_assert_int_eq(record_int(r, REQUEST_DRY_RUN), 1);
	ck_assert_int_eq(record_int(r, REQUEST_ACCEPT), 1);
	ck_assert_uint_eq(record_bytes(r, REQUEST_IDEMPOTENCY, &(size_t){0})[1], 0x11);
	ck_assert_ptr_nonnull(strstr(rig->reply, record_text(r, REQUEST_REQUEST_ID)));
	ck_assert_uint_eq(strlen(record_text(r, REQUEST_REQUEST_ID)), 32);
}
END_TEST

START_TEST(an_object_is_changed_if_it_is_the_one_that_was_seen)
{
	struct record *r;

	answer_with(vendor(12));
	ck_assert_uint_eq(send_json("PATCH", "/keyd/vendors/A%20b%2Fc",
				  "If-Match: \"3\"\r\n", "{\"contact\":\"x\"}"),
		200);
	r = asked();
	ck_assert_str_eq(record_text(r, REQUEST_REF), "A b/c");
	ck_assert_int_eq(record_int(r, REQUEST_VERSION), 3);
	ck_assert_uint_eq(
		send_json("PATCH", "/keyd/vendors/1", "If-Match: W/\"3\"\r\n", ""), 400);
	r = record_new(arena, &fault_schema);
	ck_assert_int_eq(record_set_text(r, FAULT_FIELD, "version"), KERR_OK);
	answer_with(r);
	rig->status = KERR_CONFLICT;
	ck_assert_uint_eq(
		send_json("PATCH", "/keyd/vendors/1", "If-Match: 2\r\n", "{}"), 412);
	assert_in("application/problem+json");
	assert_in("\"field\":\"version\"");
}
END_TEST

struct refusal {
	unsigned status;
	const char *method;
	const char *target;
	const char *fields;
	const char *body;
	const char *says;
};

static const struct refusal refusals[] = {
	{400, "POST", "/keyd/vendors", "", "{\"name\":1,\"kind\":\"sis\"}", "\"name\""},
	{400, "POST", "/keyd/vendors", "", "{\"kind\":\"sis\"}", "is missing"},
	{400, "POST", "/keyd/vendors", "", "{\"name\":\"a\",\"kind\":\"sis\",\"id\":1}",
		"set by keyd"},
	{400, "POST", "/keyd/vendors", "", "{\"name\":\"a\",\"kind\":\"sis\",\"zz\":1}",
		"not known"},
	{400, "POST", "/keyd/vendors", "",
		"{\"name\":\"a\",\"name\":\"b\",\"kind\":\"sis\"}", "twice"},
	{400, "POST", "/keyd/vendors", "", "{\"name\":\"a\x1b\",\"kind\":\"sis\"}", ""},
	{400, "POST", "/keyd/vendors", "", "{", "JSON"},
	{400, "POST", "/keyd/vendors", "", "", "is missing"},
	{400, "POST", "/keyd/vendors?x=1", "", "{}", "not known"},
	{400, "POST", "/keyd/vendors?accept=yes", "", "{}", "not 0 or 1"},
	{400, "POST", "/keyd/vendors", "Idempotency-Key: short\r\n", "{}", "128"},
	{400, "POST", "/keyd/vendors", "Idempotency-Key: !!!!!!!!!!!!!!!!!!!!!!!!\r\n",
		"{}", "128"},
	{400, "POST", "/keyd/clock/confirm", "", "{}", "no body"},
	{400, "PATCH", "/keyd/years/1", "", "{\"year\":2027}", "cannot be changed"},
	{404, "GET", "/keyd/vendors/", "", "", ""},
	{404, "GET", "/keyd/vendors/1/2", "", "", ""},
	{404, "GET", "/keyd/vendors/%zz", "", "", ""},
	{404, "GET", "/keyd", "", "", ""},
	{404, "GET", "/oauth/jwks", "", "", ""},
	{405, "DELETE", "/keyd/vendors/1", "", "", "Allow: GET, HEAD, PATCH"},
	{400, "GET", "/keyd/vendors?limit=x", "", "", "form"},
	{400, "GET", "/keyd/vendors?limit=1&limit=2", "", "", "twice"},
	{400, "GET", "/keyd/vendors?limit=501", "", "", "limit"},
	{400, "GET", "/keyd/vendors?at=2026-13-01", "", "", "form"},
	{400, "GET", "/keyd/vendors?contact=x", "", "", "not known"},
};

START_TEST(what_is_not_well_formed_never_reaches_the_keeper)
{
	const struct refusal *r = &refusals[_i];
	unsigned status = send_json(r->method, r->target, r->fields, r->body);

	ck_assert_msg(status == r->status, "%s %s %s: %s", r->method, r->target, r->body,
		rig->reply);
	ck_assert_uint_eq(rig->questions, 0);
	assert_in(r->says);
}
END_TEST

START_TEST(a_body_of_another_type_is_refused)
{
	ck_assert_uint_eq(say("POST /keyd/vendors HTTP/1.1\r\nHost: a\r\n"
			      "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"),
		415);
	ck_assert_uint_eq(rig->questions, 0);
}
END_TEST

START_TEST(a_list_is_asked_with_page_order_and_filters)
{
	struct record *list = record_new(arena, &vendor_list_schema), *r;

	ck_assert_int_eq(record_add_existing(list, LIST_ITEMS, vendor(1)), KERR_OK);
	ck_assert_int_eq(record_add_existing(list, LIST_ITEMS, vendor(2)), KERR_OK);
	record_set_int(list, LIST_TOTAL, 7);
	ck_assert_int_eq(record_set_text(list, LIST_AFTER, "next"), KERR_OK);
	answer_with(list);
	ck_assert_uint_eq(get("/keyd/"
			      "vendors?limit=2&after=x%3D&sort=name&name=A+b&kind=sis&at="
			      "2026-07-01"),
		200);
	assert_in("{\"items\":[{\"id\":1,");
	assert_in("},{\"id\":2,");
	assert_in("],\"total\":7,\"after\":\"next\"}");
	r = asked();
	ck_assert_int_eq(record_int(r, LIST_ASK_LIMIT), 2);
	ck_assert_str_eq(record_text(r, LIST_ASK_AFTER), "x=");
	ck_assert_str_eq(record_text(r, LIST_ASK_SORT), "name");
	ck_assert_uint_eq(record_count(r, LIST_ASK_FILTER), 2);
	ck_assert_str_eq(record_text_at(r, LIST_ASK_FILTER, 0), "name=A b");
	ck_assert_int_eq(record_int(r, LIST_ASK_AT), 20635);
}
END_TEST

START_TEST(a_list_larger_than_a_frame_arrives_whole)
{
	struct record *list = record_new(arena, &vendor_list_schema);

	for (int64_t i = 1; i <= 500; i++) {
		struct record *v = vendor(i);

		for (int n = 0; n < 5; n++)
			ck_assert_int_eq(record_add_text(v, VENDOR_PREFIXES,
						 "uri://example.org/x", 19),
				KERR_OK);
		ck_assert_int_eq(record_add_existing(list, LIST_ITEMS, v), KERR_OK);
	}
	record_set_int(list, LIST_TOTAL, 500);
	answer_with(list);
	ck_assert_uint_gt(rig->answer.len, FRAME_MAX);
	ck_assert_uint_eq(get("/keyd/vendors"), 200);
	assert_in("{\"id\":500,");
	assert_in("\"total\":500,\"after\":null}");
}
END_TEST

static struct record *
envelope(void)
{
	struct record *r = record_new(arena, &envelope_schema);

	ck_assert_int_eq(
		record_set_text(r, ENVELOPE_KEY, "kd0123456789ABCDEFGHJKMN"), KERR_OK);
	record_set_secret(r, ENVELOPE_SECRET, secret_new("kds_SHOWN", 9));
	return r;
}

START_TEST(a_secret_is_written_by_the_route_that_delivers_it_alone)
{
	struct record *r = envelope();

	answer_with(r);
	ck_assert_uint_eq(send_json("POST", "/keyd/clients/1/issue", "", "{}"), 200);
	assert_in("\"secret\":\"kds_SHOWN\"");
	assert_in("Cache-Control: no-store\r\n");
	record_drop_secrets(r);
	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *route = route_at(i);
		const struct gate_row *row = gate_find(route->message);
		bool has = false;

		for (unsigned f = 0; row && row->answered && f < row->answered->count;
			f++)
			has |= row->answered->fields[f].type == FIELD_SECRET;
		ck_assert_msg(!(route->flags & ROUTE_SECRETS) || has, "%s", route->name);
	}
}
END_TEST

START_TEST(the_routes_agree_with_the_gate_table)
{
	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *r = route_at(i);
		const struct gate_row *row = gate_find(r->message);

		ck_assert_uint_eq(route_index(r), i);
		ck_assert_ptr_nonnull(r->handle);
		ck_assert_msg(!(r->doors & DOOR_ADMIN) ||
				      strcmp(r->path, "/healthz") == 0 ||
				      strcmp(r->path, "/readyz") == 0 ||
				      strcmp(r->path, "/metrics") == 0,
			"%s is on the admin door", r->name);
		ck_assert_msg(
			strncmp(r->path, "/keyd/", 6) != 0 || r->doors == DOOR_LOCAL,
			"%s is for people on the local socket", r->name);
		if (!r->message)
			continue;
		ck_assert_msg(row != NULL, "%s", r->name);
		ck_assert_msg(row->askers & PEER_LOCAL_FRONT, "%s", r->name);
		ck_assert_ptr_nonnull(row->answered);
		for (size_t j = 0; j < i; j++) {
			ck_assert_msg(
				strcmp(route_at(j)->name, r->name) != 0, "%s", r->name);
			ck_assert_msg(route_at(j)->message != r->message, "%s", r->name);
		}
	}
	for (size_t i = 0; i < gate_count(); i++) {
		const struct gate_row *row = gate_at(i);
		bool has = !(row->askers & PEER_LOCAL_FRONT) ||
			   row->number == MESSAGE_READY || row->number == MESSAGE_ALIVE ||
			   row->number == MESSAGE_METRICS ||
			   row->number == MESSAGE_HEALTH;

		for (size_t j = 0; j < routes_count(); j++)
			has |= route_at(j)->message == row->number;
		ck_assert_msg(has, "%s has no route", row->name);
	}
}
END_TEST

START_TEST(every_route_answers_at_its_doors_and_nowhere_else)
{
	static const enum door doors[] = {DOOR_PUBLIC, DOOR_ADMIN, DOOR_LOCAL};
	struct exchange *ex = exchange_take(&rig->front);

	for (size_t i = 0; i < routes_count(); i++) {
		const struct route *r = route_at(i);

		for (size_t d = 0; d < 3; d++) {
			unsigned methods;
			const struct route *found = route_find(doors[d], r->method,
				r->path, strlen(r->path), ex, &methods);

			if (r->doors & doors[d])
				ck_assert_ptr_eq(found, r);
			else
				ck_assert_ptr_null(found);
		}
	}
	exchange_release(ex);
}
END_TEST

START_TEST(a_backup_is_streamed_out_of_the_keepers_memory)
{
	struct record *r = record_new(arena, &backup_schema);
	size_t len = 300000;
	uint8_t *bytes = arena_alloc(arena, len);
	const char *body;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	record_set_int(r, BACKUP_ROWS, 5);
	ck_assert_int_eq(record_set_bytes(r, BACKUP_DATA, bytes, len), KERR_OK);
	answer_with(r);
	ck_assert_uint_eq(send_json("POST", "/keyd/backup", "", "{}"), 200);
	assert_in("Content-Type: application/octet-stream\r\n");
	assert_in("Content-Length: 300000\r\n");
	body = rig_body(rig);
	ck_assert_mem_eq(body, bytes, len);
	/* And the connection goes on. */
	answer_with(vendor(1));
	ck_assert_uint_eq(get("/keyd/vendors/1"), 200);
}
END_TEST

START_TEST(the_audit_chain_is_exported_as_text)
{
	struct record *r = record_new(arena, &text_schema);

	ck_assert_int_eq(record_set_bytes(r, TEXT_TEXT, "one\ntwo\n", 8), KERR_OK);
	answer_with(r);
	ck_assert_uint_eq(get("/keyd/audit/export"), 200);
	ck_assert_str_eq(rig_body(rig), "one\ntwo\n");
	assert_in("Content-Type: text/plain; charset=utf-8\r\n");
}
END_TEST

static void
send_upload(
	const char *json, size_t json_len, const uint8_t *data, size_t len, size_t step)
{
	char head[256];
	uint8_t length[4];

	for (unsigned i = 0; i < 4; i++)
		length[i] = (uint8_t)(json_len >> (8 * i));
	snprintf(head, sizeof(head),
		"POST /keyd/restore HTTP/1.1\r\nHost: a\r\n"
		"Content-Type: application/x-keyd-restore\r\n"
		"Content-Length: %zu\r\n\r\n",
		4 + json_len + len);
	rig_say(rig, person, head);
	rig_write(rig, person, (const char *)length, 2);
	rig_turn(rig);
	rig_write(rig, person, (const char *)length + 2, 2);
	rig_write(rig, person, json, json_len);
	for (size_t at = 0; at < len; at += step) {
		rig_write(rig, person, (const char *)data + at,
			len - at < step ? len - at : step);
		rig_turn(rig);
	}
}

START_TEST(a_backup_that_comes_back_reaches_the_keeper_whole)
{
	static const char json[] = "{\"secret\":\"RECOVERY\",\"accept_gap\":true}";
	size_t len = 1000000, got;
	uint8_t *bytes = arena_alloc(arena, len);
	struct record *r, *ask;
	const uint8_t *data;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 257);
	answer_with(record_new(arena, &backup_schema));
	send_upload(json, strlen(json), bytes, len, 70000);
	ck_assert(rig_read(rig, person));
	ck_assert_uint_eq(rig_status(rig), 200);
	ck_assert_uint_eq(rig->number, MESSAGE_RESTORE);
	r = asked();
	data = record_bytes(r, RESTORE_ASK_DATA, &got);
	ck_assert_uint_eq(got, len);
	ck_assert_mem_eq(data, bytes, len);
	ask = record_at(record_at(r, RESTORE_ASK_ASK, 0), REQUEST_BODY, 0);
	ck_assert_int_eq(record_int(ask, BACKUP_ASK_ACCEPT), 1);
	ck_assert_mem_eq(
		secret_reveal(record_secret(ask, BACKUP_ASK_CODE)), "RECOVERY", 8);
	record_drop_secrets(r);
	answer_with(vendor(1));
	ck_assert_uint_eq(get("/keyd/vendors/1"), 200);
}
END_TEST

START_TEST(a_backup_with_a_wrong_question_is_refused)
{
	uint8_t data[100] = {0};

	send_upload("{\"x\":1}", 7, data, sizeof(data), 100);
	ck_assert(rig_read(rig, person));
	ck_assert_uint_eq(rig_status(rig), 400);
	ck_assert_uint_eq(rig->questions, 0);
}
END_TEST

START_TEST(a_backup_that_is_too_large_or_of_unknown_length_is_refused)
{
	ck_assert_uint_eq(say("POST /keyd/restore HTTP/1.1\r\nHost: a\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		411);
	close(person);
	rig_end(rig);
	rig = rig_start(true);
	person = rig_connect(rig, DOOR_LOCAL);
	ck_assert_uint_eq(say("POST /keyd/restore HTTP/1.1\r\nHost: a\r\n"
			      "Content-Length: 1073741825\r\n\r\n"),
		413);
}
END_TEST

START_TEST(a_local_front_ends_with_its_person)
{
	answer_with(vendor(1));
	ck_assert_uint_eq(get("/keyd/vendors/1"), 200);
	ck_assert(!rig->front.ended);
	shutdown(person, SHUT_WR);
	for (int i = 0; i < 10; i++)
		rig_turn(rig);
	ck_assert(rig->front.ended);
}
END_TEST

START_TEST(a_local_front_ends_with_its_keeper)
{
	close(rig->keeper);
	rig->keeper = -1;
	for (int i = 0; i < 10; i++)
		rig_turn(rig);
	ck_assert(rig->front.ended);
}
END_TEST

START_TEST(readiness_gives_its_reasons_on_the_local_socket)
{
	struct record *r = record_new(arena, &status_schema);

	record_set_int(r, STATUS_READY, 0);
	ck_assert_int_eq(
		record_add_text(r, STATUS_REASONS, "only one slot opens", 19), KERR_OK);
	answer_with(r);
	ck_assert_uint_eq(get("/readyz"), 503);
	ck_assert_str_eq(rig_body(rig), "not ready\nonly one slot opens\n");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("model_front");
	TCase *t = tcase_create("model_front");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, an_object_is_added_by_its_schema);
	tcase_add_test(t, an_object_is_changed_if_it_is_the_one_that_was_seen);
	tcase_add_loop_test(t, what_is_not_well_formed_never_reaches_the_keeper, 0,
		sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(t, a_body_of_another_type_is_refused);
	tcase_add_test(t, a_list_is_asked_with_page_order_and_filters);
	tcase_add_test(t, a_list_larger_than_a_frame_arrives_whole);
	tcase_add_test(t, a_secret_is_written_by_the_route_that_delivers_it_alone);
	tcase_add_test(t, the_routes_agree_with_the_gate_table);
	tcase_add_test(t, every_route_answers_at_its_doors_and_nowhere_else);
	tcase_add_test(t, a_backup_is_streamed_out_of_the_keepers_memory);
	tcase_add_test(t, the_audit_chain_is_exported_as_text);
	tcase_add_test(t, a_backup_that_comes_back_reaches_the_keeper_whole);
	tcase_add_test(t, a_backup_with_a_wrong_question_is_refused);
	tcase_add_test(t, a_backup_that_is_too_large_or_of_unknown_length_is_refused);
	tcase_add_test(t, a_local_front_ends_with_its_person);
	tcase_add_test(t, a_local_front_ends_with_its_keeper);
	tcase_add_test(t, readiness_gives_its_reasons_on_the_local_socket);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
