#include "keyd/keeper/tokens/tokens.h"

#include <sodium.h>
#include <string.h>

/* The id of a token as a fixed record with its MAC. A broken front, or whoever stole a
 * signing key, can make none; and a new macer with another key or use takes none of the
 * old ones. */

#define FORMAT   1
#define MAC_LEN  16
#define BODY_LEN (JTI_LEN - MAC_LEN)

_Static_assert(BODY_LEN == 2 + 4 + 8 + 8 + 4 + 8 + 8 + 8 + 12, "the fields of tokens.h");
_Static_assert(JTI_TEXT_LEN == JTI_LEN / 3 * 4 && JTI_LEN % 3 == 0, "no padding");

static uint8_t *
put(uint8_t *at, uint64_t v, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(v >> (8 * i));
	return at + len;
}

void
jti_make(const struct vault_macer *m, struct jti *j, uint8_t ret[JTI_LEN])
{
	struct vault_part body = {ret, BODY_LEN};
	uint8_t *at = ret;

	randombytes_buf(j->random, sizeof(j->random));
	at = put(at, FORMAT, 2);
	at = put(at, j->mac_key, 4);
	at = put(at, (uint64_t)j->client, 8);
	at = put(at, j->generation, 8);
	at = put(at, j->secret_number, 4);
	at = put(at, (uint64_t)j->audience, 8);
	at = put(at, (uint64_t)j->issued, 8);
	at = put(at, (uint64_t)j->expires, 8);
	memcpy(at, j->random, sizeof(j->random));
	vault_macer_run(m, &body, 1, ret + BODY_LEN, MAC_LEN);
}

/* A jti is no secret, and libsodium's encoder is five times as long about it. */
void
jti_text(const uint8_t jti[JTI_LEN], char ret[JTI_TEXT_LEN + 1])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	_Static_assert(JTI_LEN % 3 == 0 && JTI_LEN / 3 * 4 == JTI_TEXT_LEN,
		"nothing is left over");
	for (size_t i = 0; i < JTI_LEN; i += 3) {
		unsigned v =
			(unsigned)jti[i] << 16 | (unsigned)jti[i + 1] << 8 | jti[i + 2];

		*ret++ = digits[v >> 18];
		*ret++ = digits[v >> 12 & 63];
		*ret++ = digits[v >> 6 & 63];
		*ret++ = digits[v & 63];
	}
	*ret = '\0';
}

enum kerr
jti_key(const void *bytes, size_t len, uint32_t *ret)
{
	struct cursor c;

	cursor_init(&c, bytes, len);
	if (len != JTI_LEN || cursor_u16(&c) != FORMAT)
		return KERR_INVALID;
	*ret = cursor_u32(&c);
	return KERR_OK;
}

enum kerr
jti_check(const struct vault_macer *m, const void *bytes, size_t len, struct jti *ret)
{
	struct vault_part body = {bytes, BODY_LEN};
	uint8_t mac[MAC_LEN];
	struct cursor c;
	uint32_t key;

	if (jti_key(bytes, len, &key) != KERR_OK)
		return KERR_INVALID;
	vault_macer_run(m, &body, 1, mac, MAC_LEN);
	if (sodium_memcmp(mac, (const uint8_t *)bytes + BODY_LEN, MAC_LEN) != 0)
		return KERR_DENIED;
	cursor_init(&c, bytes, len);
	cursor_u16(&c);
	ret->mac_key = cursor_u32(&c);
	ret->client = (int64_t)cursor_u64(&c);
	ret->generation = cursor_u64(&c);
	ret->secret_number = cursor_u32(&c);
	ret->audience = (int64_t)cursor_u64(&c);
	ret->issued = (int64_t)cursor_u64(&c);
	ret->expires = (int64_t)cursor_u64(&c);
	memcpy(ret->random, cursor_bytes(&c, sizeof(ret->random)), sizeof(ret->random));
	return KERR_OK;
}

void
jti_tag(const struct vault_macer *m, const uint8_t jti[JTI_LEN], uint8_t ret[JTI_TAG_LEN])
{
	struct vault_part whole = {jti, JTI_LEN};

	vault_macer_run(m, &whole, 1, ret, JTI_TAG_LEN);
}
