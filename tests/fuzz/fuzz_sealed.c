#include "keyd/keeper/vault/vault.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A sealed value out of a database that somebody else wrote. The input is what differs
 * from a good one, bit by bit, and then the value itself: neither opens. */

static const struct seal_place place = {.table = "delivery",
	.column = "sealed",
	.purpose = "secret",
	.row = 7,
	.tenant = 3};

static bool
opens(struct vault *v, const struct buf *sealed, const struct buf *wrapped)
{
	struct secret *opened = NULL;
	bool good = vault_open(v, &place, sealed->data, sealed->len, wrapped->data,
			    wrapped->len, &opened) == KERR_OK;

	FUZZ_CHECK(good == (opened != NULL));
	secret_free(opened);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vault *v;
	static struct buf sealed, wrapped;
	struct buf plain, bad[2];
	bool same = true;
	size_t i;

	if (v == NULL) {
		FUZZ_CHECK(secret_pool_start(8, NULL) == KERR_OK);
		v = vault_new();
		FUZZ_CHECK(v != NULL && vault_create(v, NULL) == KERR_OK);
		buf_init(&sealed, 4096);
		buf_init(&wrapped, 4096);
		FUZZ_CHECK(vault_seal(v, &place, "a secret", 8, &sealed, &wrapped) ==
			   KERR_OK);
	}
	for (i = 0; i < 2; i++)
		buf_init(&bad[i], 4096);
	buf_put(&bad[0], sealed.data, sealed.len);
	buf_put(&bad[1], wrapped.data, wrapped.len);
	for (i = 0; i < size && i < sealed.len + wrapped.len; i++) {
		struct buf *b = &bad[i < sealed.len ? 0 : 1];

		b->data[i < sealed.len ? i : i - sealed.len] ^= data[i];
		same = same && data[i] == 0;
	}
	FUZZ_CHECK(opens(v, &bad[0], &bad[1]) == same);
	buf_reset(&bad[0]);
	buf_put(&bad[0], data, size < 4096 ? size : 4096);
	FUZZ_CHECK(!opens(v, &bad[0], &wrapped));
	buf_init(&plain, 4096);
	FUZZ_CHECK(vault_open_direct(v, &place, data, size, &plain) != KERR_OK);
	buf_clear(&plain);
	for (i = 0; i < 2; i++)
		buf_clear(&bad[i]);
	return 0;
}
