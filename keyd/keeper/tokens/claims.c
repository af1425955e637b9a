#include "keyd/keeper/tokens/tokens.h"

#include <inttypes.h>
#include <string.h>

#include "core/text.h"

/* Writes the claims as JSON (RFC 8259), straight into a buffer. Reads none. */

static void
put_escaped(struct buf *out, uint8_t c)
{
	if (c == '"' || c == '\\') {
		uint8_t escape[2] = {'\\', c};

		buf_put(out, escape, sizeof(escape));
	} else {
		buf_printf(out, "\\u%04x", c);
	}
}

/* Runs that need no escape go as they are; U+2028 and its like are plain in JSON. */
static void
put_string(struct buf *out, const char *text)
{
	const char *from = text, *at = text;

	buf_put_u8(out, '"');
	for (; *at != '\0'; at++) {
		uint8_t c = (uint8_t)*at;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_put(out, from, (size_t)(at - from));
		put_escaped(out, c);
		from = at + 1;
	}
	buf_put(out, from, (size_t)(at - from));
	buf_put_u8(out, '"');
}

static void
put_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":", name);
	put_string(out, text);
}

static void
put_number(struct buf *out, const char *name, int64_t v)
{
	buf_printf(out, ",\"%s\":%" PRId64, name, v);
}

static bool
texts_are_good(const struct token_claims *c)
{
	const char *const texts[] = {c->issuer, c->audience, c->client, c->jti, c->scope,
		c->prefixes, c->edorgs, c->stores, c->claimset};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i] == NULL || !text_is_utf8(texts[i], strlen(texts[i])))
			return false;
	return true;
}

enum kerr
claims_write(const struct token_claims *c, struct buf *out)
{
	if (!texts_are_good(c))
		return KERR_INVALID;
	buf_put_text(out, "{\"iss\":");
	put_string(out, c->issuer);
	put_text(out, "sub", c->client);
	put_text(out, "aud", c->audience);
	put_text(out, "client_id", c->client);
	put_number(out, "iat", c->issued);
	put_number(out, "exp", c->expires);
	put_text(out, "jti", c->jti);
	/* One string, which Ed-Fi API v8 takes whole as the claimset's name. */
	put_text(out, "scope", c->scope);
	put_text(out, "namespacePrefixes", c->prefixes);
	put_text(out, "educationOrganizationIds", c->edorgs);
	put_text(out, "dataStoreIds", c->stores);
	put_text(out, "claimset", c->claimset);
	put_number(out, "claimset_version", c->claimset_version);
	put_number(out, "school_year", c->year);
	buf_put_text(out, ",\"ods_ids\":[");
	for (size_t i = 0; i < c->ods_count; i++)
		buf_printf(out, i > 0 ? ",%" PRId64 : "%" PRId64, c->ods[i]);
	buf_put_text(out, "]}");
	return buf_error(out);
}
