#include "core/credential.h"

#include <sodium.h>
#include <string.h>

#include "core/text.h"

#define GROUP        5 /* four characters and their check character */
#define GROUP_CHARS  65
#define KEY_RANDOM   22
#define PREFIX_LEN   4
#define RUN_GROUPS   3  /* so many groups in a row are a part of a secret */
#define RUN_CHARS    40 /* so many characters without a break are no word */
#define RUN_CHANGES  8  /* between digits, capitals and small letters in such a run */
#define ENOUGH_RIGHT 7  /* right groups that make a secret of a text without prefix */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The value of a character as typed; -1 when it is none. */
static int
value_of(char c)
{
	/* A…Z; I and L are read as 1, O as 0, U never is written. */
	static const int8_t letters[26] = {10, 11, 12, 13, 14, 15, 16, 17, 1, 18, 19, 1,
		20, 21, 0, 22, 23, 24, 25, 26, -1, 27, 28, 29, 30, 31};

	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return letters[c - 'a'];
	return c >= 'A' && c <= 'Z' ? letters[c - 'A'] : -1;
}

/* Multiplication by a = x in GF(2^5) modulo x^5+x^2+1. */
static unsigned
times_a(unsigned v)
{
	return (v << 1 ^ ((v >> 4 & 1) * 0x25)) & 0x1f;
}

static unsigned
check_of(const uint8_t v[4], unsigned group)
{
	unsigned sum = 0;

	/* Horner: a·(v1 + a·(v2 + a·(v3 + a·v4))). */
	for (int i = 3; i >= 0; i--)
		sum = times_a(sum ^ v[i]);
	return sum ^ group;
}

void
credential_key_new(char ret_key[CREDENTIAL_KEY_LEN + 1])
{
	uint8_t random[KEY_RANDOM];

	randombytes_buf(random, sizeof(random));
	memcpy(ret_key, "kd", 2);
	for (size_t i = 0; i < KEY_RANDOM; i++)
		ret_key[2 + i] = alphabet[random[i] & 31];
	ret_key[CREDENTIAL_KEY_LEN] = '\0';
}

struct secret *
credential_secret_new(void)
{
	uint8_t random[CREDENTIAL_SECRET_GROUPS * 4];
	char text[CREDENTIAL_SECRET_LEN];
	struct secret *s;
	size_t at = PREFIX_LEN;

	randombytes_buf(random, sizeof(random));
	memcpy(text, "kds_", PREFIX_LEN);
	for (unsigned g = 0; g < CREDENTIAL_SECRET_GROUPS; g++) {
		uint8_t *v = random + 4 * (size_t)g;

		if (g > 0)
			text[at++] = '-';
		for (int i = 0; i < 4; i++) {
			v[i] &= 31;
			text[at++] = alphabet[v[i]];
		}
		text[at++] = alphabet[check_of(v, g)];
	}
	s = secret_new(text, at);
	sodium_memzero(random, sizeof(random));
	sodium_memzero(text, sizeof(text));
	return s;
}

static bool
is_filler(char c)
{
	return c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum kerr
credential_key_canonical(
	const char *typed, size_t len, char ret_key[CREDENTIAL_KEY_LEN + 1])
{
	char key[CREDENTIAL_KEY_LEN + 1];
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int v;

		if (is_filler(typed[i]))
			continue;
		if (n == CREDENTIAL_KEY_LEN)
			return KERR_INVALID;
		if (n < 2) {
			if ((typed[i] | 0x20) != "kd"[n])
				return KERR_INVALID;
			key[n] = "kd"[n];
		} else {
			v = value_of(typed[i]);
			if (v < 0)
				return KERR_INVALID;
			key[n] = alphabet[v];
		}
		n++;
	}
	if (n != CREDENTIAL_KEY_LEN)
		return KERR_INVALID;
	key[n] = '\0';
	memcpy(ret_key, key, sizeof(key));
	return KERR_OK;
}

/* What was typed without its prefix and fillers, as far as it can matter. */
struct typed {
	bool prefixed;
	size_t count; /* characters, at most one more than a secret has */
	bool group_ok[CREDENTIAL_SECRET_GROUPS];
	size_t right; /* groups whose check is right */
	uint8_t v[GROUP_CHARS];
};

/* Whether it begins with "kds" (and '_', which is lost where people retype); *at goes
 * behind it. */
static bool
read_prefix(const char *typed, size_t len, size_t *at)
{
	static const char prefix[] = "kds";
	size_t i = *at, n = 0;

	for (; i < len && n < 3; i++) {
		if (is_filler(typed[i]))
			continue;
		if ((typed[i] | 0x20) != prefix[n])
			return false;
		n++;
	}
	if (n < 3)
		return false;
	while (i < len && is_filler(typed[i]))
		i++;
	if (i < len && typed[i] == '_')
		i++;
	*at = i;
	return true;
}

static void
read_typed(struct typed *t, const char *typed, size_t len)
{
	bool bad[CREDENTIAL_SECRET_GROUPS] = {false};
	size_t i = 0;

	memset(t, 0, sizeof(*t));
	t->prefixed = read_prefix(typed, len, &i);
	for (; i < len && t->count <= GROUP_CHARS; i++) {
		int v;

		if (is_filler(typed[i]))
			continue;
		if (t->count < GROUP_CHARS) {
			v = value_of(typed[i]);
			bad[t->count / GROUP] |= v < 0;
			t->v[t->count] = v < 0 ? 0 : (uint8_t)v;
		}
		t->count++;
	}
	for (size_t g = 0; g < CREDENTIAL_SECRET_GROUPS && (g + 1) * GROUP <= t->count;
		g++) {
		const uint8_t *v = t->v + g * GROUP;

		t->group_ok[g] = !bad[g] && check_of(v, (unsigned)g) == v[4];
		t->right += t->group_ok[g] ? 1 : 0;
	}
}

/* 1…13, or 0 when all that is there is right and whole. */
static int
first_wrong(const struct typed *t)
{
	for (size_t g = 0; g < CREDENTIAL_SECRET_GROUPS && g * GROUP < t->count; g++) {
		if (!t->group_ok[g])
			return (int)g + 1;
	}
	return 0;
}

static struct secret *
canonical_secret(const struct typed *t)
{
	char text[CREDENTIAL_CANONICAL_LEN];
	struct secret *s;

	memcpy(text, "KDS_", PREFIX_LEN);
	for (size_t i = 0; i < GROUP_CHARS; i++)
		text[PREFIX_LEN + i] = alphabet[t->v[i]];
	s = secret_new(text, sizeof(text));
	sodium_memzero(text, sizeof(text));
	return s;
}

enum credential_form
credential_secret_read(const char *typed, size_t len, struct secret **ret, int *ret_group)
{
	enum credential_form form = CREDENTIAL_NOT_A_SECRET;
	struct typed t;

	read_typed(&t, typed, len);
	if (t.count == GROUP_CHARS && t.right == CREDENTIAL_SECRET_GROUPS) {
		form = CREDENTIAL_SECRET;
		if (ret != NULL)
			*ret = canonical_secret(&t);
	} else if (t.prefixed || t.right >= ENOUGH_RIGHT) {
		form = CREDENTIAL_TYPING_ERROR;
		if (ret_group != NULL)
			*ret_group = first_wrong(&t);
	}
	sodium_memzero(&t, sizeof(t));
	return form;
}

/* "kds_" in any case. 5 is what an S becomes on paper. */
static bool
has_prefix(const char *text, size_t len)
{
	for (size_t i = 0; i + PREFIX_LEN <= len; i++) {
		if ((text[i] | 0x20) == 'k' && (text[i + 1] | 0x20) == 'd' &&
			((text[i + 2] | 0x20) == 's' || text[i + 2] == '5') &&
			text[i + 3] == '_')
			return true;
	}
	return false;
}

/* The same in letters that only look so, or with hidden ones between. */
static bool
has_disguised_prefix(const char *text, size_t len)
{
	struct buf skeleton;
	enum kerr err;
	bool found;
	size_t i = 0;

	while (i < len && (unsigned char)text[i] < 0x80)
		i++;
	if (i == len)
		return false;
	/* No character becomes more than eighteen, of three bytes each (U+FDFA). */
	buf_init(&skeleton, len <= SIZE_MAX / 64 ? len * 64 : SIZE_MAX);
	err = text_skeleton(&skeleton, text, len);
	if (err == KERR_OK)
		found = has_prefix((const char *)skeleton.data, skeleton.len);
	else
		found = err != KERR_INVALID; /* not UTF-8 is not a spelling */
	buf_clear(&skeleton);
	return found;
}

/* A group of alphabet characters at text that no sixth one follows. */
static bool
group_at(const char *text, size_t len, uint8_t v[GROUP])
{
	if (len < GROUP || (len > GROUP && value_of(text[GROUP]) >= 0))
		return false;
	for (size_t i = 0; i < GROUP; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return false;
		v[i] = (uint8_t)value;
	}
	return true;
}

/* The place that the group would have by its check character, 32 and more being none. */
static unsigned
place_of(const uint8_t v[GROUP])
{
	return check_of(v, 0) ^ v[4];
}

/* Words of five small letters joined by hyphens are a name; with a digit, in capitals, or
 * with check characters of neighbouring groups they are a part of a secret. */
static bool
groups_betray(const char *text, size_t groups)
{
	unsigned before = CREDENTIAL_SECRET_GROUPS, place;
	size_t small = 0;

	for (size_t i = 0; i < groups * (GROUP + 1) - 1; i++) {
		if (text[i] >= '0' && text[i] <= '9')
			return true;
		if (text[i] >= 'a' && text[i] <= 'z')
			small++;
	}
	if (small == 0)
		return true;
	for (size_t g = 0; g < groups; g++) {
		uint8_t v[GROUP];

		if (!group_at(text + g * (GROUP + 1), GROUP, v))
			return false;
		place = place_of(v);
		if (place == before + 1 && place < CREDENTIAL_SECRET_GROUPS)
			return true;
		before = place;
	}
	return false;
}

static bool
has_groups(const char *text, size_t len)
{
	size_t run = 0, start = 0, i = 0;
	uint8_t v[GROUP];

	while (i < len) {
		bool begins = i == 0 || value_of(text[i - 1]) < 0;

		if (!begins || !group_at(text + i, len - i, v)) {
			run = 0;
			i++;
			continue;
		}
		if (run++ == 0)
			start = i;
		if (run >= RUN_GROUPS && groups_betray(text + start, run))
			return true;
		i += GROUP;
		if (i < len && text[i] == '-')
			i++;
		else
			run = 0;
	}
	return false;
}

static bool
is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

static size_t
token_run(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && is_token_char(text[n]))
		n++;
	return n;
}

/* RFC 7515 §3.1: header, payload and signature; every JOSE header begins `{"`, in
 * base64url eyJ. */
static bool
has_jwt(const char *text, size_t len)
{
	size_t i = 0;

	while (i + 3 <= len) {
		size_t dot, end;

		if (memcmp(text + i, "eyJ", 3) != 0) {
			i++;
			continue;
		}
		dot = i + token_run(text + i, len - i);
		if (dot == len || text[dot] != '.') {
			i = dot;
			continue;
		}
		end = dot + 1 + token_run(text + dot + 1, len - dot - 1);
		if (end > dot + 1 && end < len && text[end] == '.')
			return true;
		i = dot + 1;
	}
	return false;
}

static int
kind_of(char c)
{
	if (c >= '0' && c <= '9')
		return 1;
	if (c >= 'A' && c <= 'Z')
		return 2;
	return c >= 'a' && c <= 'z' ? 3 : 0;
}

/* Joined words change kind at each word at most, random characters at every second one. A
 * capital before a small letter is how words begin and does not count. */
static bool
has_random_run(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t n = token_run(text + i, len - i), changes = 0;

		for (size_t k = i + 1; k < i + n; k++) {
			int was = kind_of(text[k - 1]), is = kind_of(text[k]);

			if (was != 0 && is != 0 && was != is && !(was == 2 && is == 3))
				changes++;
		}
		if (n >= RUN_CHARS && changes >= RUN_CHANGES)
			return true;
		i += n > 0 ? n : 1;
	}
	return false;
}

bool
credential_looks_secret(const char *text, size_t len)
{
	return has_prefix(text, len) || has_groups(text, len) || has_jwt(text, len) ||
	       has_random_run(text, len) || has_disguised_prefix(text, len);
}
