#include "keyd/front/front.h"

#include "tests/unit/front_rig.h"

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

/* The question that the keeper got, by its schema. */
static struct record *
asked(void)
{
	const struct gate_row *row = gate_find(rig->number);
	struct record *r = NULL;

	ck_assert_ptr_nonnull(row);
	ck_assert_uint_le(rig->asked.len, row->max);
	ck_assert_int_eq(
		record_decode(row->asked, arena, rig->asked.data, rig->asked.len, &r),
		KERR_OK);
	return r;
}

static bool
secret_is(const struct record *r, unsigned f, const char *text)
{
	const struct secret *s = record_secret(r, f);

	return s && secret_len(s) == strlen(text) &&
	       sodium_memcmp(secret_reveal(s), text, strlen(text)) == 0;
}

static void
answer_with(const struct record *r)
{
	buf_reset(&rig->answer);
	record_encode(r, &rig->answer);
	rig->status = KERR_OK;
}

static void
answer_fault(enum kerr err, const char *field, const char *text, int64_t retry)
{
	struct record *r = record_new(arena, &fault_schema);

	ck_assert_int_eq(record_set_text(r, FAULT_FIELD, field), KERR_OK);
	ck_assert_int_eq(record_set_text(r, FAULT_TEXT, text), KERR_OK);
	if (retry)
		record_set_int(r, FAULT_RETRY, retry);
	answer_with(r);
	rig->status = (uint16_t)err;
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

#define assert_in(text)     ck_assert_msg(strstr(rig->reply, text), "%s", rig->reply)
#define assert_not_in(text) ck_assert_msg(!strstr(rig->reply, text), "%s", rig->reply)

START_TEST(a_token_is_issued_for_basic_credentials)
{
	struct record *r;

	answer_token();
	ck_assert_uint_eq(rig_post(rig, "/oauth/token", FORM BASIC,
				  "grant_type=client_credentials&scope=+SISVendor+"),
		200);
	ck_assert_str_eq(rig_body(rig),
		"{\"access_token\":\"a.b.c\",\"token_type\":\"Bearer\","
		"\"expires_in\":600,\"scope\":\"SISVendor\"}");
	assert_in("Cache-Control: no-store\r\n");
	assert_in("Pragma: no-cache\r\n");
	assert_in("Content-Type: application/json\r\n");
	ck_assert_uint_eq(rig->number, MESSAGE_TOKEN);
	r = asked();
	ck_assert_str_eq(record_text(r, TOKEN_ASK_KEY), "kdKEY");
	ck_assert(secret_is(r, TOKEN_ASK_SECRET, "kds_SECRET"));
	ck_assert_str_eq(record_text(r, TOKEN_ASK_SCOPE), "SISVendor");
	record_drop_secrets(r);
}
END_TEST

START_TEST(a_token_is_issued_for_credentials_in_the_body)
{
	struct record *r;

	answer_token();
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/token", FORM,
			"grant_type=Client_Credentials&client_id=kdKEY&"
			"client_secret=kds%5fSECRET&resource=https://ods.example/"),
		200);
	r = asked();
	ck_assert(secret_is(r, TOKEN_ASK_SECRET, "kds_SECRET"));
	ck_assert_str_eq(record_text(r, TOKEN_ASK_RESOURCE), "https://ods.example/");
	record_drop_secrets(r);
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/token",
			"Content-Type: application/json; charset=utf-8\r\n",
			"{\"Grant_type\":\"client_credentials\",\"Client_id\":"
			"\"kdKEY\",\"Client_secret\":\"kds_SECRET\",\"x\":[1]}"),
		200);
	r = asked();
	ck_assert_str_eq(record_text(r, TOKEN_ASK_KEY), "kdKEY");
	ck_assert(secret_is(r, TOKEN_ASK_SECRET, "kds_SECRET"));
	record_drop_secrets(r);
	/* client_id beside Basic says the same twice; a secret would be a second
	 * method. */
	ck_assert_uint_eq(rig_post(rig, "/oauth/token", FORM BASIC,
				  "grant_type=client_credentials&client_id=kdKEY"),
		200);
}
END_TEST

struct refusal {
	unsigned status;
	const char *error;
	const char *fields;
	const char *body;
};

static const struct refusal refusals[] = {
	{400, "invalid_request", FORM BASIC, ""},
	{400, "invalid_request", FORM BASIC, "scope=x"},
	{400, "invalid_request", FORM BASIC, "grant_type="},
	{400, "unsupported_grant_type", FORM BASIC, "grant_type=password"},
	{400, "unsupported_grant_type", FORM, "grant_type=client_credentials2"},
	{401, "invalid_client", FORM, "grant_type=client_credentials"},
	{401, "invalid_client", FORM, "grant_type=client_credentials&client_id=a"},
	{401, "invalid_client", FORM, "grant_type=client_credentials&client_secret=a"},
	{401, "invalid_client", FORM "Authorization: Bearer abc\r\n",
		"grant_type=client_credentials"},
	{401, "invalid_client", FORM "Authorization: Basic YWJj\r\n",
		"grant_type=client_credentials"},
	{401, "invalid_client", FORM "Authorization: Basic OmI=\r\n",
		"grant_type=client_credentials"},
	{401, "invalid_client", FORM "Authorization: Basic YTo=\r\n",
		"grant_type=client_credentials"},
	{400, "invalid_request", FORM "Authorization: Basic %%%\r\n",
		"grant_type=client_credentials"},
	{400, "invalid_request", FORM "Authorization: Basic\r\n",
		"grant_type=client_credentials"},
	{400, "invalid_request", FORM BASIC BASIC, "grant_type=client_credentials"},
	{400, "invalid_request", FORM BASIC,
		"grant_type=client_credentials&client_id=kdKEY&client_secret=a"},
	{400, "invalid_request", FORM BASIC,
		"grant_type=client_credentials&client_id=other"},
	{400, "invalid_request", FORM BASIC,
		"grant_type=client_credentials&grant_type=client_credentials"},
	{400, "invalid_request", FORM BASIC, "grant_type=client_credentials&x=%"},
	{400, "invalid_request", FORM BASIC, "grant_type=client_credentials&x=%ff"},
	{400, "invalid_request", FORM BASIC, "grant_type=client_credentials&x=1&x=1"},
	{400, "invalid_request", BASIC, "grant_type=client_credentials"},
	{400, "invalid_request", BASIC "Content-Type: text/plain\r\n",
		"grant_type=client_credentials"},
	{400, "invalid_request", JSON BASIC, "{\"grant_type\":1}"},
	{400, "invalid_request", JSON BASIC, "[]"},
	{400, "invalid_request", JSON BASIC,
		"{\"grant_type\":\"client_credentials\",\"GRANT_TYPE\":\"x\"}"},
	{400, "invalid_scope", FORM BASIC, "grant_type=client_credentials&scope=%22"},
	{400, "invalid_target", FORM BASIC,
		"grant_type=client_credentials&resource=nothing"},
	{400, "invalid_target", FORM BASIC,
		"grant_type=client_credentials&resource=https://a/%23x"},
	{401, "invalid_client", FORM,
		"grant_type=client_credentials&client_id=a%0Ab&client_secret=c"},
};

START_TEST(what_is_wrong_with_a_token_request_is_answered_without_the_keeper)
{
	const struct refusal *r = &refusals[_i];

	answer_token();
	ck_assert_msg(rig_post(rig, "/oauth/token", r->fields, r->body) == r->status,
		"%s%s: %s", r->fields, r->body, rig->reply);
	ck_assert_uint_eq(rig->questions, 0);
	ck_assert_msg(strstr(rig_body(rig), "{\"error\":\"") == rig_body(rig), "%s",
		rig->reply);
	assert_in(r->error);
	assert_in("Cache-Control: no-store");
	if (r->status == 401)
		assert_in("WWW-Authenticate: Basic");
}
END_TEST

START_TEST(parameters_in_the_query_are_refused)
{
	ck_assert_uint_eq(rig_post(rig, "/oauth/token?client_id=a&client_secret=kds_QQ",
				  FORM BASIC, "grant_type=client_credentials"),
		400);
	assert_in("invalid_request");
	assert_not_in("kds_QQ");
	ck_assert_uint_eq(rig->questions, 0);
}
END_TEST

struct mapped {
	enum kerr err;
	const char *field;
	unsigned status;
	const char *error;
	const char *retry;
};

static const struct mapped mapped[] = {
	{KERR_UNKNOWN_CALLER, "", 401, "invalid_client", NULL},
	{KERR_DENIED, "", 400, "unauthorized_client", NULL},
	{KERR_INVALID, "scope", 400, "invalid_scope", NULL},
	{KERR_INVALID, "resource", 400, "invalid_target", NULL},
	{KERR_TOO_MANY, "", 429, "temporarily_unavailable", "Retry-After: 7\r\n"},
	{KERR_BUSY, "", 503, "temporarily_unavailable", "Retry-After: 7\r\n"},
	{KERR_SEALED, "", 503, "temporarily_unavailable", "Retry-After: 7\r\n"},
	{KERR_PHASE, "", 503, "temporarily_unavailable", "Retry-After: 7\r\n"},
	{KERR_FULL, "", 507, "temporarily_unavailable", "Retry-After: 7\r\n"},
	{KERR_INTERNAL, "", 500, "server_error", NULL},
};

START_TEST(the_keepers_errors_become_oauths)
{
	const struct mapped *m = &mapped[_i];

	answer_fault(m->err, m->field, "as the keeper says", m->retry ? 7 : 0);
	ck_assert_uint_eq(rig_post(rig, "/oauth/token", FORM BASIC,
				  "grant_type=client_credentials"),
		m->status);
	assert_in(m->error);
	if (m->retry)
		assert_in(m->retry);
}
END_TEST

static void
answer_active(void)
{
	struct record *r = record_new(arena, &introspection_schema);

	record_set_int(r, INTROSPECTION_ACTIVE, 1);
	ck_assert_int_eq(record_set_text(r, INTROSPECTION_SCOPE, "SIS\"Vendor"), KERR_OK);
	ck_assert_int_eq(record_set_text(r, INTROSPECTION_CLIENT_ID, "kdKEY"), KERR_OK);
	record_set_int(r, INTROSPECTION_EXP, 1800000000);
	ck_assert_int_eq(
		record_set_text(r, INTROSPECTION_EDORGS, "255901,255902"), KERR_OK);
	ck_assert_int_eq(record_add_int(r, INTROSPECTION_ODS, 4), KERR_OK);
	ck_assert_int_eq(record_add_int(r, INTROSPECTION_ODS, -5), KERR_OK);
	answer_with(r);
}

static char form[16384];

static const char *
form_of(const char *token)
{
	snprintf(form, sizeof(form), "token=%s&token_type_hint=access_token", token);
	return form;
}

START_TEST(a_good_token_is_introspected)
{
	char token[4096];
	struct record *r;
	const uint8_t *jti;
	size_t len;

	answer_active();
	rig_token(rig, 9, token, sizeof(token));
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/introspect", FORM BASIC, form_of(token)), 200);
	ck_assert_str_eq(rig_body(rig),
		"{\"active\":true,\"scope\":\"SIS\\\"Vendor\",\"client_id\":\"kdKEY\","
		"\"exp\":1800000000,\"educationOrganizationIds\":\"255901,255902\","
		"\"ods_ids\":[4,-5]}");
	ck_assert_uint_eq(rig->number, MESSAGE_INTROSPECT);
	r = asked();
	jti = record_bytes(r, INTROSPECT_ASK_JTI, &len);
	ck_assert_uint_eq(len, 78);
	ck_assert_uint_eq(jti[0], 9);
	ck_assert_str_eq(record_text(r, INTROSPECT_ASK_KEY), "kdKEY");
	record_drop_secrets(r);
	/* The second time its signature is known. */
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/introspect", FORM BASIC, form_of(token)), 200);
	ck_assert_uint_eq(rig->front.counters.cache_hits, 1);
	ck_assert_uint_eq(rig->front.counters.cache_misses, 1);
}
END_TEST

START_TEST(a_token_of_a_withdrawn_key_is_dropped_at_once)
{
	char token[4096];
	struct record *r;

	answer_active();
	rig_token(rig, 9, token, sizeof(token));
	rig_post(rig, "/oauth/introspect", FORM BASIC, form_of(token));
	rig_publish(rig, RIG_KID, SIGNING_IS_WITHDRAWN);
	rig_post(rig, "/oauth/introspect", FORM BASIC, form_of(token));
	r = asked();
	ck_assert(!record_has(r, INTROSPECT_ASK_JTI));
	record_drop_secrets(r);
}
END_TEST

START_TEST(a_bad_token_is_not_active_and_its_caller_is_still_looked_at)
{
	static const char *const bad[] = {"x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."};
	struct record *inactive = record_new(arena, &introspection_schema);

	record_set_int(inactive, INTROSPECTION_ACTIVE, 0);
	for (size_t i = 0; i < 3; i++) {
		struct record *r;

		answer_with(inactive);
		ck_assert_uint_eq(
			rig_post(rig, "/oauth/introspect", FORM BASIC, form_of(bad[i])),
			200);
		ck_assert_str_eq(rig_body(rig), "{\"active\":false}");
		r = asked();
		ck_assert(!record_has(r, INTROSPECT_ASK_JTI));
		record_drop_secrets(r);
	}
	answer_fault(KERR_UNKNOWN_CALLER, "", "", 0);
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/introspect", FORM BASIC, form_of("x")), 401);
	assert_in("WWW-Authenticate: Basic");
	ck_assert_uint_eq(rig_post(rig, "/oauth/introspect", FORM, form_of("x")), 401);
	ck_assert_uint_eq(rig_post(rig, "/oauth/introspect", FORM BASIC, "a=b"), 400);
}
END_TEST

START_TEST(revoking_answers_200_whether_the_token_is_known_or_not)
{
	char token[4096];

	rig->status = KERR_OK;
	rig_token(rig, 9, token, sizeof(token));
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/revoke", FORM BASIC, form_of(token)), 200);
	assert_in("Content-Length: 0\r\n");
	ck_assert_uint_eq(rig->number, MESSAGE_REVOKE_TOKEN);
	answer_fault(KERR_NOTFOUND, "", "", 0);
	ck_assert_uint_eq(rig_post(rig, "/oauth/revoke", FORM BASIC, form_of("x")), 200);
	answer_fault(KERR_BUSY, "", "64 tokens are ended already", 30);
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/revoke", FORM BASIC, form_of(token)), 503);
	assert_in("Retry-After: 30\r\n");
}
END_TEST

START_TEST(token_info_shows_a_token_to_its_bearer_alone)
{
	struct record *r = record_new(arena, &token_info_schema);
	struct record *e;
	char token[2048], other[2048], fields[4096];

	record_set_int(r, TOKEN_INFO_ACTIVE, 1);
	ck_assert_int_eq(record_set_text(r, TOKEN_INFO_CLIENT_ID, "kdKEY"), KERR_OK);
	ck_assert_int_eq(record_set_text(r, TOKEN_INFO_CLAIMSET, "SIS Vendor"), KERR_OK);
	e = record_add_record(r, TOKEN_INFO_EDORGS);
	record_set_int(e, EDORG_INFO_NUMBER, 255901);
	ck_assert_int_eq(record_set_text(e, EDORG_INFO_NAME, "Grand Bend"), KERR_OK);
	ck_assert_int_eq(record_set_text(e, EDORG_INFO_TYPE, "edfi.LocalEducationAgency"),
		KERR_OK);
	answer_with(r);
	rig_token(rig, 9, token, sizeof(token));
	rig_token(rig, 8, other, sizeof(other));
	snprintf(fields, sizeof(fields), FORM "Authorization: Bearer %s\r\n", token);
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/token_info", fields, form_of(token)), 200);
	ck_assert_str_eq(rig_body(rig),
		"{\"active\":true,\"client_id\":\"kdKEY\",\"namespace_prefixes\":[],"
		"\"education_organizations\":[{\"education_organization_id\":255901,"
		"\"name_of_institution\":\"Grand Bend\","
		"\"type\":\"edfi.LocalEducationAgency\","
		"\"local_education_agency_id\":255901}],\"assigned_profiles\":[],"
		"\"claim_set\":{\"name\":\"SIS Vendor\"}}");
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/token_info", fields, form_of(other)), 400);
	ck_assert_uint_eq(rig_post(rig, "/oauth/token_info", FORM, form_of(token)), 401);
	assert_in("WWW-Authenticate: Bearer");
	answer_fault(KERR_DENIED, "", "", 0);
	ck_assert_uint_eq(
		rig_post(rig, "/oauth/token_info", fields, form_of(token)), 401);
}
END_TEST

static unsigned
get(enum door door, const char *path)
{
	char request[512];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
	return rig_ask(rig, door, request);
}

START_TEST(metadata_and_keys_are_published)
{
	ck_assert_uint_eq(
		get(DOOR_PUBLIC, "/.well-known/oauth-authorization-server"), 200);
	assert_in("\"issuer\":\"https://keyd.example\"");
	assert_in("\"token_endpoint\":\"https://keyd.example/oauth/token\"");
	assert_in("Cache-Control: public, max-age=300\r\n");
	assert_not_in("no-store");
	ck_assert_uint_eq(get(DOOR_PUBLIC, "/.well-known/openid-configuration"), 200);
	assert_in("\"jwks_uri\":\"https://keyd.example/oauth/jwks\"");
	ck_assert_uint_eq(get(DOOR_PUBLIC, "/oauth/jwks"), 200);
	assert_in("{\"keys\":[{\"kty\":\"EC\",\"use\":\"sig\",\"kid\":\"" RIG_KID
		  "\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"");
	ck_assert_uint_eq(
		rig_ask(rig, DOOR_PUBLIC, "POST /oauth/jwks HTTP/1.1\r\nHost: a\r\n\r\n"),
		405);
	assert_in("Allow: GET, HEAD\r\n");
}
END_TEST

START_TEST(the_admin_door_on_tcp_serves_three_paths)
{
	struct record *r = record_new(arena, &status_schema);

	ck_assert_uint_eq(get(DOOR_ADMIN, "/healthz"), 200);
	record_set_int(r, STATUS_READY, 0);
	ck_assert_int_eq(record_add_text(r, STATUS_REASONS, "the sink", 8), KERR_OK);
	answer_with(r);
	ck_assert_uint_eq(get(DOOR_ADMIN, "/readyz"), 503);
	assert_not_in("sink");
	record_set_int(r, STATUS_READY, 1);
	answer_with(r);
	ck_assert_uint_eq(get(DOOR_ADMIN, "/readyz"), 200);
	buf_reset(&rig->answer);
	ck_assert_uint_eq(get(DOOR_ADMIN, "/metrics"), 200);
	assert_in("keyd_front_requests_total{");
	ck_assert_uint_eq(get(DOOR_ADMIN, "/keyd/status"), 401);
	ck_assert_uint_eq(get(DOOR_ADMIN, "/v2/vendors"), 401);
	ck_assert_uint_eq(get(DOOR_ADMIN, "/"), 401);
	ck_assert_uint_eq(rig_ask(rig, DOOR_ADMIN,
				  "POST /oauth/token HTTP/1.1\r\nHost: "
				  "a\r\nContent-Length: 0\r\n\r\n"),
		401);
	ck_assert_uint_eq(get(DOOR_PUBLIC, "/healthz"), 404);
	ck_assert_uint_eq(get(DOOR_PUBLIC, "/metrics"), 404);
	ck_assert_uint_eq(get(DOOR_PUBLIC, "/keyd/status"), 404);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("oauth_front");
	TCase *t = tcase_create("oauth_front");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_token_is_issued_for_basic_credentials);
	tcase_add_test(t, a_token_is_issued_for_credentials_in_the_body);
	tcase_add_loop_test(t,
		what_is_wrong_with_a_token_request_is_answered_without_the_keeper, 0,
		sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(t, parameters_in_the_query_are_refused);
	tcase_add_loop_test(t, the_keepers_errors_become_oauths, 0,
		sizeof(mapped) / sizeof(mapped[0]));
	tcase_add_test(t, a_good_token_is_introspected);
	tcase_add_test(t, a_token_of_a_withdrawn_key_is_dropped_at_once);
	tcase_add_test(t, a_bad_token_is_not_active_and_its_caller_is_still_looked_at);
	tcase_add_test(t, revoking_answers_200_whether_the_token_is_known_or_not);
	tcase_add_test(t, token_info_shows_a_token_to_its_bearer_alone);
	tcase_add_test(t, metadata_and_keys_are_published);
	tcase_add_test(t, the_admin_door_on_tcp_serves_three_paths);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
