#include "keyd/front/jws.h"

#include "tests/unit/front_rig.h"

#include "keyd/front/token_cache.h"

static struct rig *rig;
static struct jws *jws;
static char token[8192];
static char jti[128];

static uint32_t
take_keys(const char *kid, int64_t state, const uint8_t point[64])
{
	struct arena *a = arena_new(1 << 16);
	struct record *list = record_new(a, &signing_key_list_schema);
	struct record *k = record_add_record(list, LIST_ITEMS);
	uint32_t gone;

	ck_assert_int_eq(record_set_text(k, SIGNING_KEY_KID, kid), KERR_OK);
	record_set_int(k, SIGNING_KEY_ALG, SIGNING_ALG_ES256);
	record_set_int(k, SIGNING_KEY_STATE, state);
	ck_assert_int_eq(record_set_bytes(k, SIGNING_KEY_PUBLIC, point, 64), KERR_OK);
	ck_assert_int_eq(jws_set_keys(jws, list, &gone), KERR_OK);
	arena_free(a);
	return gone;
}

static void
setup(void)
{
	uint8_t bytes[78];

	rig_libraries();
	rig = calloc(1, sizeof(*rig));
	rig_make_key(rig);
	jws = jws_new(RIG_ISSUER);
	ck_assert_ptr_nonnull(jws);
	take_keys(RIG_KID, SIGNING_IS_ACTIVE, rig->point);
	memset(bytes, 7, sizeof(bytes));
	rig_base64url(jti, sizeof(jti), bytes, sizeof(bytes));
}

static void
teardown(void)
{
	jws_free(jws);
	EVP_PKEY_free(rig->key);
	free(rig);
}

static enum kerr
verify(const char *header, const char *payload)
{
	struct jws_token t;

	rig_sign(rig, header, payload, token, sizeof(token));
	return jws_verify(jws, token, strlen(token), &t);
}

static enum kerr
verify_text(const char *text)
{
	struct jws_token t;

	return jws_verify(jws, text, strlen(text), &t);
}

static const char *
good_payload(void)
{
	static char text[512];

	snprintf(text, sizeof(text), "{\"iss\":\"%s\",\"jti\":\"%s\"}", RIG_ISSUER, jti);
	return text;
}

START_TEST(a_token_of_ours_gives_its_jti)
{
	struct jws_token t;

	rig_token(rig, 7, token, sizeof(token));
	ck_assert_int_eq(jws_verify(jws, token, strlen(token), &t), KERR_OK);
	ck_assert_uint_eq(t.jti_len, 78);
	for (size_t i = 0; i < t.jti_len; i++)
		ck_assert_uint_eq(t.jti[i], 7);
}
END_TEST

START_TEST(only_the_header_that_keyd_writes_is_taken)
{
	static const char *const bad[] = {
		"{\"alg\":\"none\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"HS256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"RS256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"es256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"ES256\",\"kid\":\"test-key-1\",\"typ\":\"JWT\"}",
		"{\"alg\":\"ES256\",\"kid\":\"test-key-1\"}",
		"{\"kid\":\"test-key-1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"ES256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\","
		"\"crit\":[\"exp\"]}",
		"{\"alg\":\"ES256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\",\"b64\":"
		"true}",
		"{\"alg\":\"ES256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\","
		"\"jku\":\"https://x.example/\"}",
		"{\"alg\":\"ES256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\",\"jwk\":{}"
		"}",
		"{\"alg\":\"ES256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\",\"x5u\":"
		"\"x\"}",
		"{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"test-key-1\","
		"\"typ\":\"at+jwt\"}",
		"{\"alg\":\"ES256\",\"kid\":\"test-key-1\",\"typ\":\"at+jwt\"} ",
		"[\"ES256\"]",
		"",
	};

	ck_assert_int_eq(verify(RIG_HEADER, good_payload()), KERR_OK);
	for (size_t i = 0; i + 3 < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(
			verify(bad[i], good_payload()) == KERR_INVALID, "%s", bad[i]);
	ck_assert_int_eq(
		verify("{\"alg\":\"ES256\",\"kid\":\"../key\",\"typ\":\"at+jwt\"}",
			good_payload()),
		KERR_NOTFOUND);
}
END_TEST

START_TEST(another_issuer_or_a_jti_of_another_form_is_refused)
{
	char payload[1024];

	ck_assert_int_eq(verify(RIG_HEADER, "{}"), KERR_INVALID);
	snprintf(payload, sizeof(payload),
		"{\"iss\":\"https://keyd.example/\","
		"\"jti\":\"%s\"}",
		jti);
	ck_assert_int_eq(verify(RIG_HEADER, payload), KERR_INVALID);
	snprintf(
		payload, sizeof(payload), "{\"iss\":\"%s\",\"jti\":\"abc\"}", RIG_ISSUER);
	ck_assert_int_eq(verify(RIG_HEADER, payload), KERR_INVALID);
	snprintf(payload, sizeof(payload), "{\"iss\":\"%s\",\"jti\":\"%s=\"}", RIG_ISSUER,
		jti);
	ck_assert_int_eq(verify(RIG_HEADER, payload), KERR_INVALID);
	snprintf(payload, sizeof(payload),
		"{\"iss\":\"%s\",\"iss\":\"%s\",\"jti\":\"%s\"}", RIG_ISSUER, RIG_ISSUER,
		jti);
	ck_assert_int_eq(verify(RIG_HEADER, payload), KERR_INVALID);
	snprintf(payload, sizeof(payload), "{\"iss\":[\"%s\"],\"jti\":\"%s\"}",
		RIG_ISSUER, jti);
	ck_assert_int_eq(verify(RIG_HEADER, payload), KERR_INVALID);
}
END_TEST

START_TEST(every_changed_character_of_a_token_is_noticed)
{
	size_t len;

	rig_token(rig, 7, token, sizeof(token));
	len = strlen(token);
	for (size_t i = 0; i < len; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		ck_assert_msg(verify_text(token) != KERR_OK, "at %zu of %zu", i, len);
		token[i] = was;
	}
	ck_assert_int_eq(verify_text(token), KERR_OK);
}
END_TEST

START_TEST(what_has_not_the_compact_form_is_refused)
{
	char text[sizeof(token) + 8];

	rig_token(rig, 7, token, sizeof(token));
	ck_assert_int_eq(verify_text(""), KERR_INVALID);
	ck_assert_int_eq(verify_text(".."), KERR_INVALID);
	ck_assert_int_eq(verify_text("a.b"), KERR_INVALID);
	snprintf(text, sizeof(text), "%s.", token);
	ck_assert_int_eq(verify_text(text), KERR_INVALID);
	snprintf(text, sizeof(text), "%s.x", token);
	ck_assert_int_eq(verify_text(text), KERR_INVALID);
	snprintf(text, sizeof(text), "%s=", token);
	ck_assert_int_eq(verify_text(text), KERR_INVALID);
	snprintf(text, sizeof(text), " %s", token);
	ck_assert_int_eq(verify_text(text), KERR_INVALID);
	snprintf(text, sizeof(text), "%s\n", token);
	ck_assert_int_eq(verify_text(text), KERR_INVALID);
	/* The signature cut, doubled, or in DER as other things want it. */
	snprintf(text, sizeof(text), "%.*s", (int)strlen(token) - 4, token);
	ck_assert_int_ne(verify_text(text), KERR_OK);
	*strrchr(token, '.') = '\0';
	snprintf(text, sizeof(text), "%s.", token);
	ck_assert_int_eq(verify_text(text), KERR_INVALID);
	memset(text, 'A', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(verify_text(text), KERR_INVALID);
}
END_TEST

START_TEST(no_byte_beyond_ascii_stands_for_another)
{
	size_t len, changed = 0;

	rig_token(rig, 7, token, sizeof(token));
	len = strlen(token);
	for (size_t i = 0; i < len; i++) {
		if (token[i] != 'A')
			continue;
		token[i] = (char)0xc7;
		ck_assert_int_eq(verify_text(token), KERR_INVALID);
		token[i] = 'A';
		changed++;
	}
	ck_assert_uint_gt(changed, 0);
	ck_assert_int_eq(verify_text(token), KERR_OK);
}
END_TEST

START_TEST(a_signature_of_zeros_is_refused)
{
	uint8_t zeros[64] = {0};
	char *dot;

	rig_token(rig, 7, token, sizeof(token));
	dot = strrchr(token, '.');
	rig_base64url(dot + 1, 128, zeros, sizeof(zeros));
	ck_assert_int_eq(verify_text(token), KERR_DENIED);
}
END_TEST

START_TEST(a_withdrawn_key_verifies_no_more_and_its_number_is_told)
{
	uint32_t gone;

	rig_token(rig, 7, token, sizeof(token));
	ck_assert_uint_eq(take_keys(RIG_KID, SIGNING_IS_VERIFYING, rig->point), 0);
	ck_assert_int_eq(verify_text(token), KERR_OK);
	gone = take_keys(RIG_KID, SIGNING_IS_WITHDRAWN, rig->point);
	ck_assert_uint_eq(gone, 1);
	ck_assert_int_eq(verify_text(token), KERR_NOTFOUND);
}
END_TEST

START_TEST(a_key_of_the_same_name_with_other_bytes_is_another_key)
{
	struct rig *other = calloc(1, sizeof(*other));

	rig_make_key(other);
	rig_token(rig, 7, token, sizeof(token));
	ck_assert_uint_eq(take_keys(RIG_KID, SIGNING_IS_ACTIVE, other->point), 1);
	ck_assert_int_eq(verify_text(token), KERR_DENIED);
	EVP_PKEY_free(other->key);
	free(other);
}
END_TEST

START_TEST(the_cache_finds_what_was_put_and_forgets_by_key)
{
	struct token_cache *c = token_cache_new(100);
	struct jws_token t = {.jti_len = 78, .key = 3}, found;
	struct token_tag tag;

	for (unsigned i = 0; i < 80; i++) {
		char name[16];

		snprintf(name, sizeof(name), "token-%u", i);
		token_cache_tag(c, name, strlen(name), &tag);
		ck_assert(!token_cache_get(c, &tag, &found));
		memset(t.jti, (int)i, sizeof(t.jti));
		t.key = i % 2 ? 3 : 4;
		token_cache_put(c, &tag, &t);
		ck_assert(token_cache_get(c, &tag, &found));
		ck_assert_uint_eq(found.jti[77], i);
		ck_assert_uint_eq(found.key, t.key);
	}
	token_cache_drop(c, 1U << 3);
	for (unsigned i = 0; i < 80; i++) {
		char name[16];

		snprintf(name, sizeof(name), "token-%u", i);
		token_cache_tag(c, name, strlen(name), &tag);
		if (i % 2)
			ck_assert(!token_cache_get(c, &tag, &found));
	}
	token_cache_free(c);
}
END_TEST

START_TEST(the_cache_stays_as_large_as_it_is_and_never_mixes_tokens_up)
{
	struct token_cache *c = token_cache_new(64);
	struct jws_token t = {.jti_len = 78}, found;
	unsigned hits = 0;

	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = randombytes_uniform(200);
		struct token_tag tag;
		char name[16];

		snprintf(name, sizeof(name), "token-%u", i);
		token_cache_tag(c, name, strlen(name), &tag);
		if (token_cache_get(c, &tag, &found)) {
			ck_assert_uint_eq(found.jti[0], i);
			hits++;
			continue;
		}
		memset(t.jti, (int)i, sizeof(t.jti));
		token_cache_put(c, &tag, &t);
	}
	ck_assert_uint_le(token_cache_count(c), 64);
	ck_assert_uint_gt(hits, 2000);
	token_cache_free(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("jws");
	TCase *t = tcase_create("jws");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_token_of_ours_gives_its_jti);
	tcase_add_test(t, only_the_header_that_keyd_writes_is_taken);
	tcase_add_test(t, another_issuer_or_a_jti_of_another_form_is_refused);
	tcase_add_test(t, every_changed_character_of_a_token_is_noticed);
	tcase_add_test(t, what_has_not_the_compact_form_is_refused);
	tcase_add_test(t, no_byte_beyond_ascii_stands_for_another);
	tcase_add_test(t, a_signature_of_zeros_is_refused);
	tcase_add_test(t, a_withdrawn_key_verifies_no_more_and_its_number_is_told);
	tcase_add_test(t, a_key_of_the_same_name_with_other_bytes_is_another_key);
	tcase_add_test(t, the_cache_finds_what_was_put_and_forgets_by_key);
	tcase_add_test(t, the_cache_stays_as_large_as_it_is_and_never_mixes_tokens_up);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
