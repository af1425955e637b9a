#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/vault_fixture.h"
#include "tests/unit/vectors.h"

#define VECTORS "vault-vectors.txt"

/* The vault of the vectors: opened by its key file, with its two keys. */
static struct vault *
vault_of_vectors(void)
{
	struct vault_key verifier = {1, KEY_VERIFIER, KEY_ACTIVE};
	struct vault_key data = {8, KEY_DATA, KEY_ACTIVE};
	struct vault *v = vault_new();
	struct vector x;
	struct secret *opener;

	ck_assert_int_eq(
		vault_set_deployment(v, vector_text(VECTORS, "deployment", &x)), KERR_OK);
	vector_bytes(VECTORS, "key-file", &x);
	opener = secret_new(x.bytes, x.len);
	vector_bytes(VECTORS, "key-file-slot", &x);
	ck_assert_int_eq(
		vault_slot_open(v, SLOT_KIND_KEY_FILE, opener, x.bytes, x.len, NULL),
		KERR_OK);
	secret_free(opener);
	vector_bytes(VECTORS, "verifier-key-1", &x);
	ck_assert_int_eq(vault_key_load(v, verifier, x.bytes, x.len), KERR_OK);
	vector_bytes(VECTORS, "data-key-8", &x);
	ck_assert_int_eq(vault_key_load(v, data, x.bytes, x.len), KERR_OK);
	return v;
}

START_TEST(the_sealed_forms_are_those_of_an_independent_implementation)
{
	struct vault *v = vault_of_vectors();
	struct vector sealed, wrapped, text;
	struct secret *opened = NULL;
	struct buf plain;

	vector_bytes(VECTORS, "sealed", &sealed);
	vector_bytes(VECTORS, "wrapped", &wrapped);
	vector_text(VECTORS, "value", &text);
	ck_assert_int_eq(vault_open(v, &place, sealed.bytes, sealed.len, wrapped.bytes,
				 wrapped.len, &opened),
		KERR_OK);
	ck_assert_uint_eq(secret_len(opened), strlen(text.text));
	ck_assert_mem_eq(secret_reveal(opened), text.text, strlen(text.text));
	secret_free(opened);

	buf_init(&plain, 64);
	vector_bytes(VECTORS, "direct", &sealed);
	ck_assert_int_eq(
		vault_open_direct(v, &place, sealed.bytes, sealed.len, &plain), KERR_OK);
	ck_assert_str_eq(buf_text(&plain), text.text);
	buf_clear(&plain);
	vault_free(v);
}
END_TEST

START_TEST(macs_are_those_of_an_independent_implementation)
{
	struct vault *v = vault_of_vectors();
	struct vault_part parts[] = {{"abc", 3}, {"", 0}};
	struct vault_macer *m = vault_macer_new(v, 1, "client-secret");
	struct secret *canonical = secret_new("KDS_TEST", 8);
	uint8_t mac[64], verifier[VAULT_VERIFIER_LEN], tag[VAULT_TAG_LEN];
	struct vector x;

	vector_bytes(VECTORS, "mac-client-secret-abc-empty-64", &x);
	ck_assert_int_eq(
		vault_mac(v, 1, "client-secret", parts, 2, mac, sizeof(mac)), KERR_OK);
	ck_assert_mem_eq(mac, x.bytes, sizeof(mac));
	memset(mac, 0, sizeof(mac));
	vault_macer_run(m, parts, 2, mac, 16);
	ck_assert_mem_eq(mac, x.bytes, 16);
	ck_assert_int_eq(mac[16], 0);

	vector_bytes(VECTORS, "verifier", &x);
	ck_assert_int_eq(
		vault_verifier(v, 1, "kdABCDEFGHJKMNPQRSTVWXYZ", canonical, verifier),
		KERR_OK);
	ck_assert_mem_eq(verifier, x.bytes, sizeof(verifier));
	vector_bytes(VECTORS, "tag", &x);
	ck_assert_int_eq(vault_secret_tag(v, 1, canonical, tag), KERR_OK);
	ck_assert_mem_eq(tag, x.bytes, sizeof(tag));
	secret_free(canonical);
	vault_macer_free(m);
	vault_free(v);
}
END_TEST

START_TEST(a_value_opens_at_its_place_and_only_there)
{
	struct vault *v = vault_made();
	struct seal_place at;
	struct sealed s;

	seal_text(v, "the secret of a client", &s);
	ck_assert_int_eq(try_open(v, &place, &s), KERR_OK);
	at = place;
	at.table = "deliverz";
	ck_assert_int_eq(try_open(v, &at, &s), KERR_DAMAGED);
	at = place;
	at.column = "sealed_to";
	ck_assert_int_eq(try_open(v, &at, &s), KERR_DAMAGED);
	at = place;
	at.purpose = "secrets";
	ck_assert_int_eq(try_open(v, &at, &s), KERR_DAMAGED);
	at = place;
	at.row++;
	ck_assert_int_eq(try_open(v, &at, &s), KERR_DAMAGED);
	at = place;
	at.tenant = -1;
	ck_assert_int_eq(try_open(v, &at, &s), KERR_DAMAGED);
	at = place;
	at.version--;
	ck_assert_int_eq(try_open(v, &at, &s), KERR_DAMAGED);
	/* the same bytes in a row, parted elsewhere */
	at = place;
	at.table = "deliverys";
	at.column = "ealed";
	ck_assert_int_eq(try_open(v, &at, &s), KERR_DAMAGED);
	sealed_clear(&s);
	vault_free(v);
}
END_TEST

START_TEST(every_flipped_bit_of_value_and_record_key_is_damage)
{
	struct vault *v = vault_made();
	struct sealed s;

	seal_text(v, "s", &s);
	for (size_t bit = 0; bit < s.value.len * 8; bit++) {
		s.value.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		ck_assert_int_eq(try_open(v, &place, &s), KERR_DAMAGED);
		s.value.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	for (size_t bit = 0; bit < s.wrapped.len * 8; bit++) {
		s.wrapped.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		ck_assert_int_eq(try_open(v, &place, &s), KERR_DAMAGED);
		s.wrapped.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	ck_assert_int_eq(try_open(v, &place, &s), KERR_OK);
	sealed_clear(&s);
	vault_free(v);
}
END_TEST

START_TEST(a_value_cut_short_or_made_longer_is_damage)
{
	struct vault *v = vault_made();
	struct secret *opened = NULL;
	struct sealed s;

	seal_text(v, "what is cut", &s);
	for (size_t len = 0; len < s.value.len; len++)
		ck_assert_int_eq(vault_open(v, &place, s.value.data, len, s.wrapped.data,
					 s.wrapped.len, &opened),
			KERR_DAMAGED);
	for (size_t len = 0; len < s.wrapped.len; len++)
		ck_assert_int_eq(vault_open(v, &place, s.value.data, s.value.len,
					 s.wrapped.data, len, &opened),
			KERR_DAMAGED);
	buf_put_u8(&s.value, 0);
	ck_assert_int_eq(try_open(v, &place, &s), KERR_DAMAGED);
	ck_assert_ptr_null(opened);
	sealed_clear(&s);
	vault_free(v);
}
END_TEST

START_TEST(record_key_and_value_cannot_take_each_others_part)
{
	struct vault *v = vault_made();
	struct sealed one, other, mixed;

	seal_text(v, "one", &one);
	seal_text(v, "two", &other);
	mixed.value = one.value;
	mixed.wrapped = other.wrapped;
	ck_assert_int_eq(try_open(v, &place, &mixed), KERR_DAMAGED);
	mixed.value = one.wrapped;
	mixed.wrapped = one.wrapped;
	ck_assert_int_eq(try_open(v, &place, &mixed), KERR_DAMAGED);
	sealed_clear(&one);
	sealed_clear(&other);
	vault_free(v);
}
END_TEST

START_TEST(two_sealings_of_one_text_share_nothing)
{
	struct vault *v = vault_made();
	struct sealed one, other;

	seal_text(v, "the same", &one);
	seal_text(v, "the same", &other);
	ck_assert_mem_ne(one.value.data + 8, other.value.data + 8, 24);
	ck_assert_mem_ne(one.value.data + 64, other.value.data + 64, one.value.len - 64);
	sealed_clear(&one);
	sealed_clear(&other);
	vault_free(v);
}
END_TEST

START_TEST(a_place_without_its_words_is_refused)
{
	struct vault *v = vault_made();
	struct seal_place at = place;
	struct buf value, wrapped;

	buf_init(&value, 4096);
	buf_init(&wrapped, 4096);
	at.purpose = NULL;
	ck_assert_int_eq(vault_seal(v, &at, "x", 1, &value, &wrapped), KERR_INVALID);
	at.purpose = "";
	ck_assert_int_eq(vault_seal(v, &at, "x", 1, &value, &wrapped), KERR_INVALID);
	ck_assert_uint_eq(value.len + wrapped.len, 0);
	buf_clear(&value);
	buf_clear(&wrapped);
	vault_free(v);
}
END_TEST

START_TEST(a_failed_sealing_leaves_neither_part_behind)
{
	struct vault *v = vault_made();
	struct buf value, wrapped;

	buf_init(&value, 4096);
	buf_init(&wrapped, 16);
	ck_assert_int_eq(vault_seal(v, &place, "x", 1, &value, &wrapped), KERR_TOO_LARGE);
	ck_assert_uint_eq(value.len + wrapped.len, 0);
	buf_clear(&value);
	buf_clear(&wrapped);
	vault_free(v);
}
END_TEST

START_TEST(what_is_longer_than_a_pooled_secret_does_not_open_as_one)
{
	struct vault *v = vault_made();
	char text[SECRET_POOL_MAX_LEN + 2];
	struct sealed s;

	memset(text, 'x', sizeof(text));
	text[SECRET_POOL_MAX_LEN] = '\0';
	seal_text(v, text, &s);
	ck_assert_int_eq(try_open(v, &place, &s), KERR_OK);
	sealed_clear(&s);
	text[SECRET_POOL_MAX_LEN] = 'x';
	text[SECRET_POOL_MAX_LEN + 1] = '\0';
	seal_text(v, text, &s);
	ck_assert_int_eq(try_open(v, &place, &s), KERR_TOO_LARGE);
	sealed_clear(&s);
	vault_free(v);
}
END_TEST

START_TEST(an_empty_value_is_a_value)
{
	struct vault *v = vault_made();
	struct sealed s;

	seal_text(v, "", &s);
	ck_assert_int_eq(try_open(v, &place, &s), KERR_OK);
	sealed_clear(&s);
	vault_free(v);
}
END_TEST

START_TEST(a_direct_seal_opens_at_its_place_and_no_flipped_bit_passes)
{
	struct vault *v = vault_made();
	struct seal_place at = place;
	struct buf sealed, plain;

	buf_init(&sealed, 4096);
	buf_init(&plain, 4096);
	ck_assert_int_eq(
		vault_seal_direct(v, KEY_STATE, &place, "state", 5, &sealed), KERR_OK);
	ck_assert_int_eq(
		vault_open_direct(v, &place, sealed.data, sealed.len, &plain), KERR_OK);
	ck_assert_str_eq(buf_text(&plain), "state");
	buf_reset(&plain);
	at.row++;
	ck_assert_int_eq(
		vault_open_direct(v, &at, sealed.data, sealed.len, &plain), KERR_DAMAGED);
	for (size_t bit = 0; bit < sealed.len * 8; bit++) {
		sealed.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		ck_assert_int_eq(
			vault_open_direct(v, &place, sealed.data, sealed.len, &plain),
			KERR_DAMAGED);
		sealed.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	ck_assert_uint_eq(plain.len, 0);
	buf_clear(&sealed);
	buf_clear(&plain);
	vault_free(v);
}
END_TEST

START_TEST(a_sealed_vault_does_nothing)
{
	struct vault *v = vault_new();
	struct vault_key k = {1, KEY_DATA, KEY_ACTIVE};
	struct secret *opened = NULL;
	uint32_t number;
	uint8_t mac[32];
	struct buf b;

	buf_init(&b, 4096);
	ck_assert(!vault_is_open(v));
	ck_assert_int_eq(vault_seal(v, &place, "x", 1, &b, &b), KERR_SEALED);
	ck_assert_int_eq(vault_open(v, &place, mac, 32, mac, 32, &opened), KERR_SEALED);
	ck_assert_int_eq(
		vault_seal_direct(v, KEY_STATE, &place, "x", 1, &b), KERR_SEALED);
	ck_assert_int_eq(vault_open_direct(v, &place, mac, 32, &b), KERR_SEALED);
	ck_assert_int_eq(vault_key_seal(v, 1, &b), KERR_SEALED);
	ck_assert_int_eq(vault_key_load(v, k, mac, 32), KERR_SEALED);
	ck_assert_int_eq(vault_key_renew(v, KEY_DATA, &number), KERR_SEALED);
	ck_assert_int_eq(vault_mac(v, 1, "x", NULL, 0, mac, 32), KERR_NOTFOUND);
	ck_assert_ptr_null(vault_macer_new(v, 1, "x"));
	ck_assert_uint_eq(vault_active(v, KEY_DATA), 0);
	ck_assert_uint_eq(b.len, 0);
	buf_clear(&b);
	vault_free(v);
}
END_TEST

START_TEST(a_deployment_name_that_is_none_is_refused)
{
	struct vault *v = vault_new();

	ck_assert_int_eq(vault_set_deployment(v, ""), KERR_INVALID);
	ck_assert_int_eq(vault_set_deployment(v, "0123456789abcdef0123456789abcdeg"),
		KERR_INVALID);
	ck_assert_int_eq(vault_set_deployment(v, "0123456789ABCDEF0123456789ABCDEF"),
		KERR_INVALID);
	ck_assert_int_eq(vault_set_deployment(v, "0123456789abcdef0123456789abcdef0"),
		KERR_INVALID);
	vault_free(v);
	v = vault_made();
	ck_assert_uint_eq(strlen(vault_deployment(v)), VAULT_NAME_LEN);
	ck_assert_int_eq(vault_set_deployment(v, vault_deployment(v)), KERR_CONFLICT);
	ck_assert_int_eq(vault_create(v, NULL), KERR_CONFLICT);
	vault_free(v);
}
END_TEST

START_TEST(macs_differ_by_use_by_key_and_by_where_parts_end)
{
	struct vault *v = vault_made();
	struct vault_part one[] = {{"ab", 2}, {"c", 1}}, other[] = {{"a", 1}, {"bc", 2}},
			  joined[] = {{"abc", 3}};
	uint8_t a[32], b[32];

	ck_assert_int_eq(vault_mac(v, 1, "x", one, 2, a, 32), KERR_OK);
	ck_assert_int_eq(vault_mac(v, 1, "x", other, 2, b, 32), KERR_OK);
	ck_assert_mem_ne(a, b, 32);
	ck_assert_int_eq(vault_mac(v, 1, "x", joined, 1, b, 32), KERR_OK);
	ck_assert_mem_ne(a, b, 32);
	ck_assert_int_eq(vault_mac(v, 1, "y", one, 2, b, 32), KERR_OK);
	ck_assert_mem_ne(a, b, 32);
	ck_assert_int_eq(vault_mac(v, 2, "x", one, 2, b, 32), KERR_OK);
	ck_assert_mem_ne(a, b, 32);
	ck_assert_int_eq(vault_mac(v, 1, "x", one, 2, b, 15), KERR_INVALID);
	ck_assert_int_eq(vault_mac(v, 1, "x", one, 2, b, 65), KERR_INVALID);
	/* the keys that seal compute no MACs, and only verifier keys check secrets */
	ck_assert_int_eq(vault_mac(v, vault_active(v, KEY_DATA), "x", one, 2, b, 32),
		KERR_NOTFOUND);
	vault_free(v);
}
END_TEST

START_TEST(a_verifier_needs_a_verifier_key_and_binds_key_and_secret)
{
	struct vault *v = vault_made();
	struct secret *s = secret_new("KDS_A", 5), *t = secret_new("KDS_B", 5);
	uint8_t a[VAULT_VERIFIER_LEN], b[VAULT_VERIFIER_LEN];

	ck_assert_int_eq(vault_verifier(v, 1, "kdA", s, a), KERR_OK);
	ck_assert_int_eq(vault_verifier(v, 1, "kdB", s, b), KERR_OK);
	ck_assert_mem_ne(a, b, sizeof(a));
	ck_assert_int_eq(vault_verifier(v, 1, "kdA", t, b), KERR_OK);
	ck_assert_mem_ne(a, b, sizeof(a));
	ck_assert_int_eq(vault_verifier(v, 2, "kdA", s, b), KERR_NOTFOUND);
	ck_assert_int_eq(vault_secret_tag(v, 2, s, b), KERR_NOTFOUND);
	ck_assert_int_eq(vault_verifier(v, 99, "kdA", s, b), KERR_NOTFOUND);
	secret_free(s);
	secret_free(t);
	vault_free(v);
}
END_TEST

START_TEST(the_primitives_are_those_of_their_documents)
{
	/* RFC 7693 appendix A */
	static const char abc[] =
		"ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
		"7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923";
	/* draft-irtf-cfrg-xchacha-03 A.3.1: the last bytes and the tag */
	static const char sunscreen[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only "
		"one tip for the future, sunscreen would be it.";
	static const uint8_t ad[] = {
		0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
	uint8_t hash[64], key[32], nonce[24], out[sizeof(sunscreen) - 1 + 16];
	char hex[129];

	crypto_generichash_blake2b(
		hash, sizeof(hash), (const uint8_t *)"abc", 3, NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	ck_assert_str_eq(hex, abc);
	for (unsigned i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x80 + i);
	for (unsigned i = 0; i < 24; i++)
		nonce[i] = (uint8_t)(0x40 + i);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, (const uint8_t *)sunscreen,
		sizeof(sunscreen) - 1, ad, sizeof(ad), NULL, nonce, key);
	sodium_bin2hex(hex, sizeof(hex), out, 16);
	ck_assert_str_eq(hex, "bd6d179d3e83d43b9576579493c0e939");
	sodium_bin2hex(hex, sizeof(hex), out + sizeof(out) - 16, 16);
	ck_assert_str_eq(hex, "c0875924c1c7987947deafd8780acf49");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vault");
	TCase *tc = tcase_create("vault");
	SRunner *runner;
	int failed;

	if (secret_pool_start(32, NULL) != KERR_OK)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_sealed_forms_are_those_of_an_independent_implementation);
	tcase_add_test(tc, macs_are_those_of_an_independent_implementation);
	tcase_add_test(tc, a_value_opens_at_its_place_and_only_there);
	tcase_add_test(tc, every_flipped_bit_of_value_and_record_key_is_damage);
	tcase_add_test(tc, a_value_cut_short_or_made_longer_is_damage);
	tcase_add_test(tc, record_key_and_value_cannot_take_each_others_part);
	tcase_add_test(tc, two_sealings_of_one_text_share_nothing);
	tcase_add_test(tc, a_place_without_its_words_is_refused);
	tcase_add_test(tc, a_failed_sealing_leaves_neither_part_behind);
	tcase_add_test(tc, what_is_longer_than_a_pooled_secret_does_not_open_as_one);
	tcase_add_test(tc, an_empty_value_is_a_value);
	tcase_add_test(tc, a_direct_seal_opens_at_its_place_and_no_flipped_bit_passes);
	tcase_add_test(tc, a_sealed_vault_does_nothing);
	tcase_add_test(tc, a_deployment_name_that_is_none_is_refused);
	tcase_add_test(tc, macs_differ_by_use_by_key_and_by_where_parts_end);
	tcase_add_test(tc, a_verifier_needs_a_verifier_key_and_binds_key_and_secret);
	tcase_add_test(tc, the_primitives_are_those_of_their_documents);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
