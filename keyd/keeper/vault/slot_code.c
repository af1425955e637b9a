#include "keyd/keeper/vault/slot.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

/* The recovery code: 160 random bits in 8 groups of 4 characters and a check character,
 * as keyd's secrets are written (core/credential.h). Made by a machine, typed back by a
 * person. */

#define GROUPS      8
#define GROUP_CHARS 4
#define CODE_BYTES  (GROUPS * GROUP_CHARS * 5 / 8)
#define TEXT_LEN    (GROUPS * (GROUP_CHARS + 1) + GROUPS - 1)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* In GF(2^5) modulo x^5 + x^2 + 1. */
static unsigned
times_x(unsigned v)
{
	return v & 16 ? ((v << 1) ^ 37U) & 31U : v << 1;
}

/* a·v1 + a²·v2 + a³·v3 + a⁴·v4 + g by Horner: one wrong character and two exchanged ones
 * show, and so do two exchanged groups. */
static unsigned
check_of(const uint8_t v[GROUP_CHARS], unsigned group)
{
	unsigned sum = 0;

	for (unsigned i = GROUP_CHARS; i > 0; i--)
		sum = times_x(sum ^ v[i - 1]);
	return sum ^ group;
}

struct secret *
vault_recovery_code(void)
{
	char text[TEXT_LEN];
	struct secret *code;
	size_t at = 0;

	for (unsigned g = 0; g < GROUPS; g++) {
		uint8_t v[GROUP_CHARS];

		randombytes_buf(v, sizeof(v));
		if (g > 0)
			text[at++] = '-';
		for (unsigned i = 0; i < GROUP_CHARS; i++) {
			v[i] &= 31;
			text[at++] = alphabet[v[i]];
		}
		text[at++] = alphabet[check_of(v, g)];
		sodium_memzero(v, sizeof(v));
	}
	code = secret_new(text, at);
	sodium_memzero(text, sizeof(text));
	return code;
}

/* What a person may type for a character: any case, O for 0, I and L for 1. 32: none. */
static unsigned
value_of(uint8_t c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (uint8_t)(c - 'a' + 'A');
	if (c == 'O')
		return 0;
	if (c == 'I' || c == 'L')
		return 1;
	at = c != '\0' ? strchr(alphabet, c) : NULL;
	return at != NULL ? (unsigned)(at - alphabet) : 32;
}

static bool
between(uint8_t c)
{
	return c == '-' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The values of all characters; how many there were. One more than fits means too many.
 */
static size_t
values(const struct secret *typed, uint8_t ret[GROUPS * (GROUP_CHARS + 1)])
{
	const uint8_t *text = secret_reveal(typed);
	size_t count = 0;

	for (size_t i = 0; i < secret_len(typed); i++) {
		if (between(text[i]))
			continue;
		if (count == (size_t)GROUPS * (GROUP_CHARS + 1))
			return count + 1;
		ret[count++] = (uint8_t)value_of(text[i]);
	}
	return count;
}

/* 1…GROUPS: the first that was mistyped; 0: none. */
static unsigned
first_wrong(const uint8_t *v)
{
	for (unsigned g = 0; g < GROUPS; g++) {
		const uint8_t *group = v + (size_t)g * (GROUP_CHARS + 1);

		for (unsigned i = 0; i <= GROUP_CHARS; i++)
			if (group[i] > 31)
				return g + 1;
		if (check_of(group, g) != group[GROUP_CHARS])
			return g + 1;
	}
	return 0;
}

static void
pack(const uint8_t *v, uint8_t ret[CODE_BYTES])
{
	unsigned bits = 0, held = 0;
	size_t at = 0;

	for (unsigned i = 0; i < GROUPS * (GROUP_CHARS + 1); i++) {
		if (i % (GROUP_CHARS + 1) == GROUP_CHARS)
			continue;
		held = (held << 5 | v[i]) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			ret[at++] = (uint8_t)(held >> bits);
		}
	}
}

static enum kerr
derive(const struct secret *opener, const uint8_t *params, uint8_t ret[VAULT_KEY_LEN],
	struct fault *fault)
{
	uint8_t v[GROUPS * (GROUP_CHARS + 1)], code[CODE_BYTES];
	enum kerr err = KERR_OK;
	size_t count = values(opener, v);
	unsigned wrong;

	(void)params;
	if (count != sizeof(v)) {
		err = fault_set(fault, KERR_INVALID, "secret",
			"a recovery code has %d groups of %d characters", GROUPS,
			GROUP_CHARS + 1);
	} else if ((wrong = first_wrong(v)) != 0) {
		err = fault_set(
			fault, KERR_INVALID, "secret", "group %u is mistyped", wrong);
	} else {
		pack(v, code);
		crypto_generichash_blake2b(
			ret, VAULT_KEY_LEN, code, sizeof(code), NULL, 0);
		sodium_memzero(code, sizeof(code));
	}
	sodium_memzero(v, sizeof(v));
	return err;
}

const struct slot_kind slot_code = {.derive = derive};
