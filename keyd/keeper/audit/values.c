#include "keyd/keeper/audit/audit.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/credential.h"
#include "core/trail/line.h"

#define VALUES_MAX 2048
#define TEXT_MAX   256 /* of one value: the others are to be seen as well */
#define HASH_MAX   64
#define CUT        "\xe2\x80\xa6"
#define WITHHELD   "(withheld: looks like a secret)"

/* The columns that may appear, and how. A column that is not here never does: what checks
 * or seals a secret, passwords, tags of tokens, documents. */
enum shown {
	SHOWN_NOT,
	SHOWN,      /* a number, a word, a name that keyd made */
	SHOWN_FREE, /* text that a person typed: a secret may be in it by mistake */
	SHOWN_HASH, /* of something public, in hexadecimal */
};
#define COLUMNS_MAX 20
static const struct columns {
	uint8_t shown[COLUMNS_MAX];
} tables[TABLE__COUNT] = {
#define ONLY(table, ...) [TABLE_##table] = {.shown = {__VA_ARGS__}}
	ONLY(deployment, [ROW_DEPLOYMENT_NAME] = SHOWN, [ROW_DEPLOYMENT_OWNER_ID] = SHOWN,
		[ROW_DEPLOYMENT_EPOCH] = SHOWN),
	ONLY(tenant, [ROW_TENANT_NAME] = SHOWN_FREE, [ROW_TENANT_STATE] = SHOWN,
		[ROW_TENANT_EXTERNAL_ID] = SHOWN_FREE),
	ONLY(school_year, [ROW_SCHOOL_YEAR_YEAR] = SHOWN,
		[ROW_SCHOOL_YEAR_STARTS] = SHOWN, [ROW_SCHOOL_YEAR_ENDS] = SHOWN),
	ONLY(cohort, [ROW_COHORT_NAME] = SHOWN_FREE),
	ONLY(cohort_member, [ROW_COHORT_MEMBER_COHORT_ID] = SHOWN,
		[ROW_COHORT_MEMBER_EDORG_ID] = SHOWN),
	ONLY(vendor, [ROW_VENDOR_NAME] = SHOWN_FREE, [ROW_VENDOR_KIND] = SHOWN,
		[ROW_VENDOR_STATE] = SHOWN, [ROW_VENDOR_PREFIXES] = SHOWN_FREE,
		[ROW_VENDOR_CONTACT] = SHOWN_FREE, [ROW_VENDOR_EMAIL] = SHOWN_FREE,
		[ROW_VENDOR_EXTERNAL_ID] = SHOWN_FREE),
	ONLY(vendor_contact, [ROW_VENDOR_CONTACT_VENDOR_ID] = SHOWN,
		[ROW_VENDOR_CONTACT_NAME] = SHOWN_FREE,
		[ROW_VENDOR_CONTACT_EMAIL] = SHOWN_FREE,
		[ROW_VENDOR_CONTACT_ROLE] = SHOWN_FREE),
	ONLY(product, [ROW_PRODUCT_VENDOR_ID] = SHOWN, [ROW_PRODUCT_NAME] = SHOWN_FREE,
		[ROW_PRODUCT_EXTERNAL_ID] = SHOWN_FREE),
	ONLY(edorg, [ROW_EDORG_NUMBER] = SHOWN, [ROW_EDORG_NAME] = SHOWN_FREE,
		[ROW_EDORG_KIND] = SHOWN, [ROW_EDORG_PARENT_ID] = SHOWN,
		[ROW_EDORG_STATE] = SHOWN, [ROW_EDORG_EXTERNAL_ID] = SHOWN_FREE),
	ONLY(edorg_closure, [ROW_EDORG_CLOSURE_ABOVE_ID] = SHOWN,
		[ROW_EDORG_CLOSURE_BELOW_ID] = SHOWN,
		[ROW_EDORG_CLOSURE_DISTANCE] = SHOWN),
	ONLY(ods, [ROW_ODS_NAME] = SHOWN_FREE, [ROW_ODS_OWNER_ID] = SHOWN,
		[ROW_ODS_STAGE] = SHOWN, [ROW_ODS_STATE] = SHOWN, [ROW_ODS_YEAR] = SHOWN,
		[ROW_ODS_MODE] = SHOWN, [ROW_ODS_GENERATION] = SHOWN,
		[ROW_ODS_STANDARD] = SHOWN_FREE, [ROW_ODS_API_URL] = SHOWN_FREE,
		[ROW_ODS_ADMIN_URL] = SHOWN_FREE, [ROW_ODS_CONTEXT] = SHOWN_FREE,
		[ROW_ODS_EXTERNAL_ID] = SHOWN_FREE),
	ONLY(claimset, [ROW_CLAIMSET_NAME] = SHOWN_FREE,
		[ROW_CLAIMSET_V8_NAME] = SHOWN_FREE, [ROW_CLAIMSET_NUMBER] = SHOWN,
		[ROW_CLAIMSET_NOTE] = SHOWN_FREE),
	ONLY(claimset_version, [ROW_CLAIMSET_VERSION_CLAIMSET_ID] = SHOWN,
		[ROW_CLAIMSET_VERSION_NUMBER] = SHOWN,
		[ROW_CLAIMSET_VERSION_NOTE] = SHOWN_FREE),
	ONLY(profile, [ROW_PROFILE_NAME] = SHOWN_FREE),
	ONLY(application, [ROW_APPLICATION_NAME] = SHOWN_FREE,
		[ROW_APPLICATION_VENDOR_ID] = SHOWN, [ROW_APPLICATION_PRODUCT_ID] = SHOWN,
		[ROW_APPLICATION_YEAR] = SHOWN, [ROW_APPLICATION_CLAIMSET_ID] = SHOWN,
		[ROW_APPLICATION_CLAIMSET_VERSION] = SHOWN,
		[ROW_APPLICATION_AGREEMENT] = SHOWN_FREE,
		[ROW_APPLICATION_PURPOSE] = SHOWN_FREE,
		[ROW_APPLICATION_SIGNER] = SHOWN_FREE, [ROW_APPLICATION_STARTS] = SHOWN,
		[ROW_APPLICATION_ENDS] = SHOWN, [ROW_APPLICATION_STATE] = SHOWN,
		[ROW_APPLICATION_EXTERNAL_ID] = SHOWN_FREE),
	ONLY(application_edorg, [ROW_APPLICATION_EDORG_APPLICATION_ID] = SHOWN,
		[ROW_APPLICATION_EDORG_EDORG_ID] = SHOWN),
	ONLY(application_ods, [ROW_APPLICATION_ODS_APPLICATION_ID] = SHOWN,
		[ROW_APPLICATION_ODS_ODS_ID] = SHOWN),
	ONLY(application_profile, [ROW_APPLICATION_PROFILE_APPLICATION_ID] = SHOWN,
		[ROW_APPLICATION_PROFILE_PROFILE_ID] = SHOWN),
	ONLY(client, [ROW_CLIENT_APPLICATION_ID] = SHOWN, [ROW_CLIENT_KEY] = SHOWN,
		[ROW_CLIENT_NAME] = SHOWN_FREE, [ROW_CLIENT_STATE] = SHOWN,
		[ROW_CLIENT_GENERATION] = SHOWN, [ROW_CLIENT_REASON] = SHOWN_FREE),
	ONLY(secret, [ROW_SECRET_CLIENT_ID] = SHOWN, [ROW_SECRET_NUMBER] = SHOWN,
		[ROW_SECRET_STATE] = SHOWN, [ROW_SECRET_LABEL] = SHOWN_FREE,
		[ROW_SECRET_NOT_BEFORE] = SHOWN, [ROW_SECRET_NOT_AFTER] = SHOWN,
		[ROW_SECRET_HARD_END] = SHOWN, [ROW_SECRET_QUIET_DAYS] = SHOWN),
	ONLY(binding, [ROW_BINDING_CLIENT_ID] = SHOWN, [ROW_BINDING_ODS_ID] = SHOWN,
		[ROW_BINDING_SECRET_ID] = SHOWN, [ROW_BINDING_REMOTE_KEY] = SHOWN_FREE,
		[ROW_BINDING_REMOTE_IDS] = SHOWN_FREE, [ROW_BINDING_WANTED] = SHOWN,
		[ROW_BINDING_CONFIRMED] = SHOWN, [ROW_BINDING_STATE] = SHOWN),
	ONLY(caller, [ROW_CALLER_ODS_ID] = SHOWN, [ROW_CALLER_KEY] = SHOWN,
		[ROW_CALLER_CACHE] = SHOWN, [ROW_CALLER_STATE] = SHOWN),
	ONLY(signing_key, [ROW_SIGNING_KEY_KID] = SHOWN, [ROW_SIGNING_KEY_ALG] = SHOWN,
		[ROW_SIGNING_KEY_STATE] = SHOWN, [ROW_SIGNING_KEY_PUBLISHED] = SHOWN,
		[ROW_SIGNING_KEY_ACTIVE] = SHOWN, [ROW_SIGNING_KEY_ENDS] = SHOWN),
	ONLY(operator, [ROW_OPERATOR_USER] = SHOWN_FREE, [ROW_OPERATOR_UID] = SHOWN,
		[ROW_OPERATOR_NAME] = SHOWN_FREE, [ROW_OPERATOR_STATE] = SHOWN),
	ONLY(operator_role, [ROW_OPERATOR_ROLE_OPERATOR_ID] = SHOWN,
		[ROW_OPERATOR_ROLE_ROLE] = SHOWN, [ROW_OPERATOR_ROLE_SCOPE_ID] = SHOWN,
		[ROW_OPERATOR_ROLE_ENDS] = SHOWN),
	ONLY(delivery, [ROW_DELIVERY_CLIENT_ID] = SHOWN, [ROW_DELIVERY_SECRET_ID] = SHOWN,
		[ROW_DELIVERY_SEALED_TO] = SHOWN_FREE, [ROW_DELIVERY_UNTIL] = SHOWN,
		[ROW_DELIVERY_OPENED] = SHOWN, [ROW_DELIVERY_OPENED_BY] = SHOWN_FREE),
	ONLY(ended_token, [ROW_ENDED_TOKEN_CLIENT_ID] = SHOWN,
		[ROW_ENDED_TOKEN_GENERATION] = SHOWN, [ROW_ENDED_TOKEN_EXPIRES] = SHOWN),
	ONLY(plan, [ROW_PLAN_KIND] = SHOWN, [ROW_PLAN_STATE] = SHOWN,
		[ROW_PLAN_SELECTOR] = SHOWN_FREE, [ROW_PLAN_HASH] = SHOWN_HASH,
		[ROW_PLAN_TOTALS] = SHOWN),
	ONLY(plan_item, [ROW_PLAN_ITEM_PLAN_ID] = SHOWN, [ROW_PLAN_ITEM_OBJECT] = SHOWN,
		[ROW_PLAN_ITEM_OBJECT_ID] = SHOWN, [ROW_PLAN_ITEM_ACT] = SHOWN,
		[ROW_PLAN_ITEM_STATE] = SHOWN),
	ONLY(approval, [ROW_APPROVAL_PLAN_ID] = SHOWN, [ROW_APPROVAL_HASH] = SHOWN_HASH,
		[ROW_APPROVAL_OPERATOR_ID] = SHOWN, [ROW_APPROVAL_VERDICT] = SHOWN),
	ONLY(push_job, [ROW_PUSH_JOB_BINDING_ID] = SHOWN, [ROW_PUSH_JOB_KIND] = SHOWN,
		[ROW_PUSH_JOB_STATE] = SHOWN, [ROW_PUSH_JOB_ATTEMPTS] = SHOWN,
		[ROW_PUSH_JOB_DUE] = SHOWN),
	ONLY(incident, [ROW_INCIDENT_CLIENT_ID] = SHOWN, [ROW_INCIDENT_KIND] = SHOWN,
		[ROW_INCIDENT_STATE] = SHOWN, [ROW_INCIDENT_NOTE] = SHOWN_FREE),
	ONLY(policy, [ROW_POLICY_NAME] = SHOWN_FREE, [ROW_POLICY_NUMBER] = SHOWN),
#undef ONLY
};

static enum shown
shown_as(enum table_id table, unsigned column)
{
	return column < COLUMNS_MAX ? (enum shown)tables[table].shown[column] : SHOWN_NOT;
}

/* At most max bytes, not splitting a character. */
static size_t
cut_at(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	len = max;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static void
put_text(struct buf *out, const char *column, const char *text, enum shown how)
{
	size_t len = strlen(text), cut;
	struct buf whole;

	if (how == SHOWN_FREE && credential_looks_secret(text, len)) {
		trail_put_value(out, column, WITHHELD, strlen(WITHHELD));
		return;
	}
	cut = cut_at(text, len, TEXT_MAX);
	if (cut == len) {
		trail_put_value(out, column, text, len);
		return;
	}
	buf_init(&whole, TEXT_MAX + sizeof(CUT));
	buf_put(&whole, text, cut);
	buf_put_text(&whole, CUT);
	trail_put_value(out, column, (const char *)whole.data, whole.len);
	buf_clear(&whole);
}

static void
put_hash(struct buf *out, const char *column, const struct record *row, unsigned f)
{
	char hex[2 * HASH_MAX + 1] = "";
	size_t len = 0;
	const uint8_t *bytes = record_bytes(row, f, &len);

	if (len > 0 && len <= HASH_MAX)
		sodium_bin2hex(hex, sizeof(hex), bytes, len);
	trail_put_value(out, column, hex, strlen(hex));
}

static void
put_column(struct buf *out, enum table_id table, const struct record *row, unsigned f)
{
	const struct field *field = &store_schema(table)->fields[f];
	enum shown how = shown_as(table, f);
	char text[CLOCK_TEXT_SIZE + 3] = "";

	if (!record_has(row, f)) {
		trail_put_value(out, field->name, "", 0);
		return;
	}
	if (how == SHOWN_HASH) {
		put_hash(out, field->name, row, f);
		return;
	}
	if (field->type == FIELD_TEXT || field->type == FIELD_ENUM) {
		put_text(out, field->name, record_text(row, f), how);
		return;
	}
	if (field->type == FIELD_TIME)
		clock_text(record_int(row, f), text);
	else if (field->type == FIELD_DATE)
		clock_date_text(record_int(row, f), text);
	else
		(void)snprintf(text, sizeof(text), "%" PRId64, record_int(row, f));
	trail_put_value(out, field->name, text, strlen(text));
}

static bool
is_same(const struct record *a, const struct record *b, unsigned f)
{
	const struct field *field = &record_schema(a)->fields[f];
	size_t alen = 0, blen = 0;
	const uint8_t *abytes, *bbytes;

	if (record_has(a, f) != record_has(b, f))
		return false;
	if (field->type != FIELD_TEXT && field->type != FIELD_BYTES)
		return record_int(a, f) == record_int(b, f);
	abytes = record_bytes(a, f, &alen);
	bbytes = record_bytes(b, f, &blen);
	return alen == blen && (alen == 0 || memcmp(abytes, bbytes, alen) == 0);
}

/* What is too long ends behind a whole value. */
static void
append(struct buf *out, const struct buf *values)
{
	struct trail_text text = {(const char *)values->data, values->len};
	size_t len = text.len;

	if (len > VALUES_MAX) {
		const char *end;

		len = VALUES_MAX - strlen(" " CUT);
		end = memrchr(text.p, ';', len);
		len = end != NULL ? (size_t)(end - text.p) + 1 : 0;
	}
	buf_put(out, text.p, len);
	if (len < text.len)
		buf_put_text(out, " " CUT);
}

enum kerr
audit_values(struct buf *before, struct buf *after, enum table_id table,
	const struct record *former, const struct record *now)
{
	const struct schema *schema = store_schema(table);
	struct buf was, is;
	enum kerr err;

	buf_init(&was, (size_t)COLUMNS_MAX * 4 * TEXT_MAX);
	buf_init(&is, (size_t)COLUMNS_MAX * 4 * TEXT_MAX);
	for (unsigned f = 0; f < schema->count; f++) {
		bool both = former != NULL && now != NULL;

		if (shown_as(table, f) == SHOWN_NOT || (both && is_same(former, now, f)))
			continue;
		if (former != NULL && (both || record_has(former, f)))
			put_column(&was, table, former, f);
		if (now != NULL && (both || record_has(now, f)))
			put_column(&is, table, now, f);
	}
	err = buf_error(&was) != KERR_OK ? buf_error(&was) : buf_error(&is);
	if (err == KERR_OK) {
		append(before, &was);
		append(after, &is);
		err = buf_error(before) != KERR_OK ? buf_error(before) : buf_error(after);
	}
	buf_clear(&was);
	buf_clear(&is);
	return err;
}

enum kerr
audit_value(const char *values, const char *column, struct buf *ret_text)
{
	struct trail_text text = {values, strlen(values)}, value;

	if (!trail_value(text, column, &value))
		return KERR_NOTFOUND;
	return trail_unescape(ret_text, value);
}
