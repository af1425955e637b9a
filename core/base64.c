#include "core/base64.h"

#include <sodium.h>

enum kerr
base64_decode(enum base64_form form, const char *text, size_t len, uint8_t *ret,
	size_t size, size_t *ret_len)
{
	int variant = form == BASE64_URL ? sodium_base64_VARIANT_URLSAFE_NO_PADDING
					 : sodium_base64_VARIANT_ORIGINAL;
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		if ((uint8_t)text[i] >= 0x80)
			return KERR_INVALID;
	if (sodium_base642bin(ret, size, text, len, NULL, &n, NULL, variant) != 0)
		return KERR_INVALID;
	*ret_len = n;
	return KERR_OK;
}
