#ifndef KEYD_CORE_CREDENTIAL_H
#define KEYD_CORE_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/secret.h"

/* The written form of keys and secrets. Key: `kd` and 22 characters (110 random bits).
 * Secret: `kds_` and 13 groups of 4 characters and a check character, joined by '-' (81
 * characters, 260 random bits). Alphabet 0-9A-Z without I L O U (Crockford's). The
 * check character of group g (0…12) is, in GF(2^5) modulo x^5+x^2+1 with element a = x:
 * c = a·v1 + a²·v2 + a³·v3 + a⁴·v4 + g, so one wrong character, two exchanged
 * characters and two exchanged groups are found. Vectors in
 * tests/data/credential-vectors.txt. */

#define CREDENTIAL_KEY_LEN       24
#define CREDENTIAL_SECRET_LEN    81
#define CREDENTIAL_SECRET_GROUPS 13
#define CREDENTIAL_CANONICAL_LEN                                                         \
	69 /* canonical secret: "KDS_" and 65 characters without hyphens */

/* A new random key, NUL-terminated. */
void credential_key_new(char ret_key[CREDENTIAL_KEY_LEN + 1]);
/* A new random secret in its written form; NULL when no slot is free. */
struct secret *credential_secret_new(void);

/* The canonical spelling of a key as typed (the random part upper case, O→0, I and L→1,
 * hyphens and blanks around it dropped; the prefix lower case). KERR_INVALID when it
 * has not a key's form. */
enum kerr credential_key_canonical(
	const char *typed, size_t len, char ret_key[CREDENTIAL_KEY_LEN + 1]) MUST_CHECK;

enum credential_form {
	CREDENTIAL_NOT_A_SECRET, /* nothing of a secret's form */
	CREDENTIAL_TYPING_ERROR, /* a secret's form; a group's check or length is wrong */
	CREDENTIAL_SECRET,       /* a well-formed secret */
};
/* What was typed or pasted: canonical form into *ret (a new pooled secret, owner frees)
 * when it is a well-formed secret; *ret is NULL when no slot is free. The prefix may be
 * missing when every check is right. On a typing error *ret_group is the first wrong
 * group, 1…13 (0 when groups are missing or too many). What is not set stays as it was;
 * ret and ret_group may be NULL. */
enum credential_form credential_secret_read(
	const char *typed, size_t len, struct secret **ret, int *ret_group);
/* Does this text look as if a secret (or a part of one of three groups, a JWT, or 40
 * random characters) were in it? For refusing it in arguments. False for keys and for
 * names of words. */
bool credential_looks_secret(const char *text, size_t len);

#endif
