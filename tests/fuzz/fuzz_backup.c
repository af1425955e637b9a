#include "tests/support/backup_file.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A file that is said to be a backup. The input's first byte: 0, the rest is the file; 1,
 * the rest is what is changed in a good one (a place of 16 bits, bits to be flipped, …)
 * and, in its last two bytes, how much is cut off. A changed one is refused whole. */

static struct buf good;
static struct secret *code;

static void
start(void)
{
	static struct store_world w;
	struct backup_facts facts;

	world_start(&w, (size_t)1 << 20);
	FUZZ_CHECK(store_begin(w.store, false) == KERR_OK);
	(void)world_vendor(&w, "Acme");
	FUZZ_CHECK(store_commit(w.store) == KERR_OK);
	code = backup_file_slot(&w);
	buf_init(&good, 1u << 20);
	backup_file_write(&w, &good, &facts);
	world_end(&w);
}

static bool
opens(const uint8_t *bytes, size_t len)
{
	const struct vault_part file = {bytes, len};
	struct vault *fresh = vault_new();
	struct backup_facts facts;
	struct fault fault = {0};
	struct buf rows;
	enum kerr err;

	FUZZ_CHECK(fresh != NULL);
	buf_init(&rows, 1u << 20);
	err = backup_open(fresh, code, &file, &rows, &facts, &fault);
	FUZZ_CHECK(err == KERR_OK || fault.text[0] != '\0');
	buf_clear(&rows);
	vault_free(fresh);
	return err == KERR_OK;
}

static void
try_changes(const uint8_t *data, size_t size)
{
	size_t cut = 0, len = good.len;
	uint8_t *copy = mem_new(good.len, 1);

	FUZZ_CHECK(copy != NULL);
	memcpy(copy, good.data, good.len);
	for (; size >= 3; data += 3, size -= 3)
		copy[((size_t)data[0] << 8 | data[1]) % good.len] ^= data[2];
	if (size == 2)
		cut = ((size_t)data[0] << 8 | data[1]) % (good.len + 1);
	len -= cut;
	FUZZ_CHECK(
		opens(copy, len) == (cut == 0 && memcmp(copy, good.data, good.len) == 0));
	mem_free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (good.len == 0)
		start();
	if (size == 0)
		return 0;
	if (data[0] == 1)
		try_changes(data + 1, size - 1);
	else
		FUZZ_CHECK(!opens(data + 1, size - 1));
	return 0;
}
