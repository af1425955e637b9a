#include "keyd/front/jws.h"

#include <sodium.h>
#include <string.h>

#include "core/model/model.h"
#include "tests/fuzz/fuzz.h"

/* A token before its signature counts. Nobody here has the private key of the set's one
 * key, so no input may verify. */

/* RFC 7515 appendix A.3. */
static const char point[] =
	"7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445"
	"c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad";
#define KID "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"

static struct jws *
start(void)
{
	struct jws *jws = jws_new("https://keyd.example");
	struct arena *a = arena_new(1u << 16);
	struct record *list = record_new(a, &signing_key_list_schema);
	struct record *key = record_add_record(list, LIST_ITEMS);
	uint8_t bytes[64];
	uint32_t gone;

	FUZZ_CHECK(sodium_init() >= 0 && jws != NULL && key != NULL);
	FUZZ_CHECK(sodium_hex2bin(bytes, sizeof(bytes), point, strlen(point), NULL, NULL,
			   NULL) == 0);
	FUZZ_CHECK(record_set_text(key, SIGNING_KEY_KID, KID) == KERR_OK);
	record_set_int(key, SIGNING_KEY_ALG, SIGNING_ALG_ES256);
	record_set_int(key, SIGNING_KEY_STATE, SIGNING_IS_ACTIVE);
	FUZZ_CHECK(record_set_bytes(key, SIGNING_KEY_PUBLIC, bytes, sizeof(bytes)) ==
		   KERR_OK);
	FUZZ_CHECK(jws_set_keys(jws, list, &gone) == KERR_OK);
	arena_free(a);
	return jws;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jws *jws;
	struct jws_token token;

	if (jws == NULL)
		jws = start();
	FUZZ_CHECK(jws_verify(jws, (const char *)data, size, &token) != KERR_OK);
	return 0;
}
