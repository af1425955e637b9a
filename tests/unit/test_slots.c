#include <check.h>
#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/vault/slot.h"
#include "keyd/keeper/vault/vault.h"
#include "tests/unit/vectors.h"

#define VECTORS "vault-vectors.txt"

static struct vault *made;

static void
setup(void)
{
	made = vault_new();
	ck_assert_int_eq(vault_create(made, NULL), KERR_OK);
}

static void
teardown(void)
{
	vault_free(made);
}

static struct secret *
text_secret(const char *text)
{
	return secret_new(text, strlen(text));
}

static struct secret *
random_key(void)
{
	uint8_t bytes[32];

	randombytes_buf(bytes, sizeof(bytes));
	return secret_new(bytes, sizeof(bytes));
}

/* Opens a new vault of the deployment with the slot. */
static enum kerr
open_with(int kind, const struct secret *opener, const struct buf *slot,
	struct fault *fault)
{
	struct vault *v = vault_new();
	enum kerr err;

	ck_assert_int_eq(vault_set_deployment(v, vault_deployment(made)), KERR_OK);
	err = vault_slot_open(v, kind, opener, slot->data, slot->len, fault);
	ck_assert_int_eq(vault_is_open(v), err == KERR_OK);
	vault_free(v);
	return err;
}

static void
slot_for(int kind, const struct secret *opener, struct buf *ret)
{
	buf_init(ret, 4096);
	ck_assert_int_eq(vault_slot_seal(made, kind, opener, ret, NULL), KERR_OK);
}

START_TEST(slots_are_those_of_an_independent_implementation)
{
	static const struct {
		int kind;
		const char *opener, *slot;
		bool hex;
	} rows[] = {
		{SLOT_KIND_KEY_FILE, "key-file", "key-file-slot", true},
		{SLOT_KIND_CREDENTIAL, "key-file", "credential-slot", true},
		{SLOT_KIND_RECOVERY_CODE, "recovery-code", "recovery-code-slot", false},
		{SLOT_KIND_PASSPHRASE, "passphrase", "passphrase-slot", false},
	};
	struct vector x;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vault *v = vault_new();
		struct secret *opener;

		ck_assert_int_eq(
			vault_set_deployment(v, vector_text(VECTORS, "deployment", &x)),
			KERR_OK);
		if (rows[i].hex) {
			vector_bytes(VECTORS, rows[i].opener, &x);
			opener = secret_new(x.bytes, x.len);
		} else {
			opener = text_secret(vector_text(VECTORS, rows[i].opener, &x));
		}
		vector_bytes(VECTORS, rows[i].slot, &x);
		ck_assert_msg(vault_slot_open(v, rows[i].kind, opener, x.bytes, x.len,
				      NULL) == KERR_OK,
			"%s", rows[i].slot);
		secret_free(opener);
		vault_free(v);
	}
}
END_TEST

/* With 64 MiB, 3 passes, 1 lane, as the reference implementation has it. RFC 9106's own
 * vector has 4 lanes and a secret, which libsodium does not offer. */
START_TEST(argon2id_is_that_of_the_reference_implementation)
{
	uint8_t params[SLOT_PARAMS_MAX], key[32];
	struct secret *opener;
	struct vector x;

	vector_bytes(VECTORS, "passphrase-slot", &x);
	memcpy(params, x.bytes + 1, slot_passphrase.params_len);
	opener = text_secret(vector_text(VECTORS, "passphrase", &x));
	ck_assert_int_eq(slot_passphrase.derive(opener, params, key, NULL), KERR_OK);
	vector_bytes(VECTORS, "argon2id", &x);
	ck_assert_mem_eq(key, x.bytes, sizeof(key));
	secret_free(opener);
}
END_TEST

START_TEST(a_key_file_opens_its_slot_and_no_other_key_does)
{
	struct secret *key = random_key(), *other = random_key();
	struct fault fault;
	struct buf slot;

	slot_for(SLOT_KIND_KEY_FILE, key, &slot);
	ck_assert_int_eq(open_with(SLOT_KIND_KEY_FILE, key, &slot, NULL), KERR_OK);
	ck_assert_int_eq(
		open_with(SLOT_KIND_KEY_FILE, other, &slot, &fault), KERR_DENIED);
	ck_assert_str_eq(fault.text, "this key-file does not open the slot");
	ck_assert_int_eq(
		vault_slot_test(made, SLOT_KIND_KEY_FILE, key, slot.data, slot.len),
		KERR_OK);
	ck_assert_int_eq(
		vault_slot_test(made, SLOT_KIND_KEY_FILE, other, slot.data, slot.len),
		KERR_DENIED);
	secret_free(key);
	secret_free(other);
	buf_clear(&slot);
}
END_TEST

START_TEST(a_slot_of_another_kind_is_not_opened_with_the_same_key)
{
	struct secret *key = random_key();
	struct buf slot;

	slot_for(SLOT_KIND_KEY_FILE, key, &slot);
	ck_assert_int_eq(open_with(SLOT_KIND_CREDENTIAL, key, &slot, NULL), KERR_DAMAGED);
	slot.data[0] = SLOT_KIND_CREDENTIAL;
	ck_assert_int_eq(open_with(SLOT_KIND_CREDENTIAL, key, &slot, NULL), KERR_DENIED);
	secret_free(key);
	buf_clear(&slot);
}
END_TEST

START_TEST(the_same_key_opens_no_slot_of_another_vault)
{
	struct vault *other = vault_new();
	struct secret *key = random_key();
	struct buf slot;

	ck_assert_int_eq(vault_create(other, NULL), KERR_OK);
	buf_init(&slot, 4096);
	ck_assert_int_eq(
		vault_slot_seal(other, SLOT_KIND_KEY_FILE, key, &slot, NULL), KERR_OK);
	ck_assert_int_eq(open_with(SLOT_KIND_KEY_FILE, key, &slot, NULL), KERR_DENIED);
	ck_assert_int_eq(
		vault_slot_test(made, SLOT_KIND_KEY_FILE, key, slot.data, slot.len),
		KERR_DENIED);
	secret_free(key);
	buf_clear(&slot);
	vault_free(other);
}
END_TEST

START_TEST(a_slot_that_holds_another_root_key_is_found_by_the_test)
{
	struct vault *twin = vault_new(), *third = vault_new();
	struct secret *key = random_key();
	struct buf slot;

	/* a second vault that was made and then called by the first one's name */
	ck_assert_int_eq(vault_create(twin, NULL), KERR_OK);
	memcpy(twin->deployment, made->deployment, sizeof(twin->deployment));
	buf_init(&slot, 4096);
	ck_assert_int_eq(
		vault_slot_seal(twin, SLOT_KIND_KEY_FILE, key, &slot, NULL), KERR_OK);
	ck_assert_int_eq(
		vault_slot_test(made, SLOT_KIND_KEY_FILE, key, slot.data, slot.len),
		KERR_DAMAGED);
	/* a sealed vault has nothing to compare with */
	ck_assert_int_eq(vault_set_deployment(third, vault_deployment(made)), KERR_OK);
	ck_assert_int_eq(
		vault_slot_test(third, SLOT_KIND_KEY_FILE, key, slot.data, slot.len),
		KERR_OK);
	secret_free(key);
	buf_clear(&slot);
	vault_free(third);
	vault_free(twin);
}
END_TEST

START_TEST(no_flipped_bit_of_a_slot_opens_it)
{
	struct secret *key = random_key();
	struct buf slot;

	slot_for(SLOT_KIND_CREDENTIAL, key, &slot);
	for (size_t bit = 0; bit < slot.len * 8; bit++) {
		enum kerr err;

		slot.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		err = open_with(SLOT_KIND_CREDENTIAL, key, &slot, NULL);
		ck_assert(err == KERR_DENIED || err == KERR_DAMAGED);
		slot.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	while (slot.len > 0) {
		slot.len--;
		ck_assert_int_eq(
			open_with(SLOT_KIND_CREDENTIAL, key, &slot, NULL), KERR_DAMAGED);
	}
	secret_free(key);
	buf_clear(&slot);
}
END_TEST

START_TEST(a_key_file_of_another_length_is_told_so)
{
	struct secret *shorter = text_secret("0123456789012345678901234567890");
	struct secret *longer = text_secret("01234567890123456789012345678901\n");
	struct fault fault;
	struct buf slot;

	buf_init(&slot, 4096);
	ck_assert_int_eq(
		vault_slot_seal(made, SLOT_KIND_KEY_FILE, shorter, &slot, &fault),
		KERR_INVALID);
	ck_assert_ptr_nonnull(strstr(fault.text, "31"));
	ck_assert_int_eq(vault_slot_seal(made, SLOT_KIND_KEY_FILE, longer, &slot, &fault),
		KERR_INVALID);
	ck_assert_int_eq(vault_slot_seal(made, SLOT_KIND__COUNT, longer, &slot, &fault),
		KERR_UNSUPPORTED);
	ck_assert_int_eq(
		vault_slot_seal(made, -1, longer, &slot, &fault), KERR_UNSUPPORTED);
	ck_assert_uint_eq(slot.len, 0);
	secret_free(shorter);
	secret_free(longer);
	buf_clear(&slot);
}
END_TEST

START_TEST(an_open_vault_is_not_opened_again)
{
	struct secret *key = random_key();
	struct buf slot;

	slot_for(SLOT_KIND_KEY_FILE, key, &slot);
	ck_assert_int_eq(
		vault_slot_open(made, SLOT_KIND_KEY_FILE, key, slot.data, slot.len, NULL),
		KERR_CONFLICT);
	secret_free(key);
	buf_clear(&slot);
}
END_TEST

START_TEST(a_recovery_code_opens_however_a_person_types_it)
{
	struct secret *code = vault_recovery_code(), *typed;
	char text[128];
	size_t at = 0;
	struct buf slot;

	ck_assert_uint_eq(secret_len(code), 47);
	slot_for(SLOT_KIND_RECOVERY_CODE, code, &slot);
	ck_assert_int_eq(open_with(SLOT_KIND_RECOVERY_CODE, code, &slot, NULL), KERR_OK);
	for (size_t i = 0; i < secret_len(code); i++) {
		char c = (char)secret_reveal(code)[i];

		if (c == '-') {
			text[at++] = ' ';
			continue;
		}
		text[at++] = (char)(c == '0' ? 'o' : c == '1' ? 'L' : tolower(c));
	}
	text[at++] = '\n';
	typed = secret_new(text, at);
	ck_assert_int_eq(open_with(SLOT_KIND_RECOVERY_CODE, typed, &slot, NULL), KERR_OK);
	secret_free(typed);
	secret_free(code);
	buf_clear(&slot);
}
END_TEST

START_TEST(a_mistyped_recovery_code_is_told_its_group)
{
	struct secret *code = vault_recovery_code(), *typed;
	char text[47], want[64];
	struct fault fault;
	struct buf slot;

	slot_for(SLOT_KIND_RECOVERY_CODE, code, &slot);
	for (size_t i = 0; i < sizeof(text); i++) {
		memcpy(text, secret_reveal(code), sizeof(text));
		if (text[i] == '-')
			continue;
		text[i] = text[i] == '7' ? '8' : '7';
		typed = secret_new(text, sizeof(text));
		ck_assert_int_eq(open_with(SLOT_KIND_RECOVERY_CODE, typed, &slot, &fault),
			KERR_INVALID);
		snprintf(want, sizeof(want), "group %zu is mistyped", i / 6 + 1);
		ck_assert_str_eq(fault.text, want);
		secret_free(typed);
	}
	/* a character that the alphabet has not */
	memcpy(text, secret_reveal(code), sizeof(text));
	text[0] = 'U';
	typed = secret_new(text, sizeof(text));
	ck_assert_int_eq(
		open_with(SLOT_KIND_RECOVERY_CODE, typed, &slot, &fault), KERR_INVALID);
	ck_assert_str_eq(fault.text, "group 1 is mistyped");
	secret_free(typed);
	/* a group missing, one too many */
	typed = secret_new(secret_reveal(code), 41);
	ck_assert_int_eq(
		open_with(SLOT_KIND_RECOVERY_CODE, typed, &slot, &fault), KERR_INVALID);
	ck_assert_str_eq(fault.text, "a recovery code has 8 groups of 5 characters");
	secret_free(typed);
	secret_free(code);
	buf_clear(&slot);
}
END_TEST

START_TEST(exchanged_characters_and_groups_of_a_recovery_code_are_found)
{
	struct secret *code =
		text_secret("1CR5K-AYMZN-RKMGD-WCTRW-FPHCA-FV0H5-6SDRZ-19EAA");
	struct secret *typed;
	struct fault fault;
	struct buf slot;

	slot_for(SLOT_KIND_RECOVERY_CODE, code, &slot);
	typed = text_secret("C1R5K-AYMZN-RKMGD-WCTRW-FPHCA-FV0H5-6SDRZ-19EAA");
	ck_assert_int_eq(
		open_with(SLOT_KIND_RECOVERY_CODE, typed, &slot, &fault), KERR_INVALID);
	secret_free(typed);
	typed = text_secret("AYMZN-1CR5K-RKMGD-WCTRW-FPHCA-FV0H5-6SDRZ-19EAA");
	ck_assert_int_eq(
		open_with(SLOT_KIND_RECOVERY_CODE, typed, &slot, &fault), KERR_INVALID);
	ck_assert_str_eq(fault.text, "group 1 is mistyped");
	secret_free(typed);
	secret_free(code);
	buf_clear(&slot);
}
END_TEST

START_TEST(recovery_codes_are_never_the_same)
{
	struct secret *one = vault_recovery_code(), *other = vault_recovery_code();

	ck_assert(!secret_equal(one, other));
	secret_free(one);
	secret_free(other);
}
END_TEST

START_TEST(a_passphrase_opens_its_slot_and_a_similar_one_does_not)
{
	struct secret *pass = text_secret("correct horse battery staple");
	struct secret *similar = text_secret("correct horse battery Staple");
	struct buf slot, again;

	slot_for(SLOT_KIND_PASSPHRASE, pass, &slot);
	slot_for(SLOT_KIND_PASSPHRASE, pass, &again);
	ck_assert_int_eq(open_with(SLOT_KIND_PASSPHRASE, pass, &slot, NULL), KERR_OK);
	ck_assert_int_eq(
		open_with(SLOT_KIND_PASSPHRASE, similar, &slot, NULL), KERR_DENIED);
	ck_assert_mem_ne(slot.data + 9, again.data + 9, 16); /* salts */
	/* the salt of another slot */
	memcpy(slot.data + 9, again.data + 9, 16);
	ck_assert_int_eq(open_with(SLOT_KIND_PASSPHRASE, pass, &slot, NULL), KERR_DENIED);
	secret_free(pass);
	secret_free(similar);
	buf_clear(&slot);
	buf_clear(&again);
}
END_TEST

START_TEST(a_short_passphrase_is_refused)
{
	struct secret *pass = text_secret("12345678901");
	struct fault fault;
	struct buf slot;

	buf_init(&slot, 4096);
	ck_assert_int_eq(vault_slot_seal(made, SLOT_KIND_PASSPHRASE, pass, &slot, &fault),
		KERR_INVALID);
	ck_assert_uint_eq(slot.len, 0);
	secret_free(pass);
	buf_clear(&slot);
}
END_TEST

START_TEST(a_passphrase_slot_cannot_ask_for_all_memory)
{
	struct secret *pass = text_secret("correct horse battery staple");
	struct buf slot;

	slot_for(SLOT_KIND_PASSPHRASE, pass, &slot);
	memset(slot.data + 5, 0xff, 4); /* KiB */
	ck_assert_int_eq(
		open_with(SLOT_KIND_PASSPHRASE, pass, &slot, NULL), KERR_DAMAGED);
	memset(slot.data + 5, 0, 4);
	ck_assert_int_eq(
		open_with(SLOT_KIND_PASSPHRASE, pass, &slot, NULL), KERR_DAMAGED);
	secret_free(pass);
	buf_clear(&slot);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("slots");
	TCase *tc = tcase_create("slots");
	SRunner *runner;
	int failed;

	if (secret_pool_start(32, NULL) != KERR_OK)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, slots_are_those_of_an_independent_implementation);
	tcase_add_test(tc, argon2id_is_that_of_the_reference_implementation);
	tcase_add_test(tc, a_key_file_opens_its_slot_and_no_other_key_does);
	tcase_add_test(tc, a_slot_of_another_kind_is_not_opened_with_the_same_key);
	tcase_add_test(tc, the_same_key_opens_no_slot_of_another_vault);
	tcase_add_test(tc, a_slot_that_holds_another_root_key_is_found_by_the_test);
	tcase_add_test(tc, no_flipped_bit_of_a_slot_opens_it);
	tcase_add_test(tc, a_key_file_of_another_length_is_told_so);
	tcase_add_test(tc, an_open_vault_is_not_opened_again);
	tcase_add_test(tc, a_recovery_code_opens_however_a_person_types_it);
	tcase_add_test(tc, a_mistyped_recovery_code_is_told_its_group);
	tcase_add_test(tc, exchanged_characters_and_groups_of_a_recovery_code_are_found);
	tcase_add_test(tc, recovery_codes_are_never_the_same);
	tcase_add_test(tc, a_passphrase_opens_its_slot_and_a_similar_one_does_not);
	tcase_add_test(tc, a_short_passphrase_is_refused);
	tcase_add_test(tc, a_passphrase_slot_cannot_ask_for_all_memory);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
