#ifndef KEYD_CORE_BASE64_H
#define KEYD_CORE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Base64 as RFC 4648 has it, strictly: no blanks, no bits left over. libsodium 1.0.18
 * takes every byte from 0x80 on for an 'A'; here it is an error, so that what was changed
 * is seen. */

enum base64_form {
	BASE64_URL,    /* section 5, without padding */
	BASE64_PADDED, /* section 4, with padding */
};

/* Decodes the whole of text into at most size bytes. KERR_INVALID; *ret_len is set on
 * success only. */
enum kerr base64_decode(enum base64_form form, const char *text, size_t len, uint8_t *ret,
	size_t size, size_t *ret_len) MUST_CHECK;

#endif
