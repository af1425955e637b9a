#include "core/model/model.h"

const char *const tenant_states[] = {
	[TENANT_IS_LIVE] = "live", [TENANT_IS_SUSPENDED] = "suspended", NULL};
_Static_assert(sizeof(tenant_states) / sizeof(tenant_states[0]) == TENANT_IS__COUNT + 1,
	"a word for each");
const char *const vendor_kinds[] = {[VENDOR_KIND_SIS] = "sis",
	[VENDOR_KIND_HR] = "hr",
	[VENDOR_KIND_FINANCE] = "finance",
	[VENDOR_KIND_SPECIAL_EDUCATION] = "special-education",
	[VENDOR_KIND_ASSESSMENT] = "assessment",
	[VENDOR_KIND_PUBLISHER] = "publisher",
	[VENDOR_KIND_CONSUMER] = "consumer",
	[VENDOR_KIND_OTHER] = "other",
	NULL};
_Static_assert(sizeof(vendor_kinds) / sizeof(vendor_kinds[0]) == VENDOR_KIND__COUNT + 1,
	"a word for each");
const char *const vendor_states[] = {[VENDOR_IS_LIVE] = "live",
	[VENDOR_IS_SUSPENDED] = "suspended",
	[VENDOR_IS_DEPARTED] = "departed",
	NULL};
_Static_assert(sizeof(vendor_states) / sizeof(vendor_states[0]) == VENDOR_IS__COUNT + 1,
	"a word for each");
const char *const edorg_kinds[] = {[EDORG_KIND_STATE] = "state",
	[EDORG_KIND_ESA] = "esa",
	[EDORG_KIND_LEA] = "lea",
	[EDORG_KIND_SCHOOL] = "school",
	NULL};
_Static_assert(sizeof(edorg_kinds) / sizeof(edorg_kinds[0]) == EDORG_KIND__COUNT + 1,
	"a word for each");
const char *const edorg_states[] = {
	[EDORG_IS_OPEN] = "open", [EDORG_IS_CLOSED] = "closed", NULL};
_Static_assert(sizeof(edorg_states) / sizeof(edorg_states[0]) == EDORG_IS__COUNT + 1,
	"a word for each");
const char *const ods_stages[] = {[ODS_STAGE_SANDBOX] = "sandbox",
	[ODS_STAGE_TEST] = "test",
	[ODS_STAGE_PILOT] = "pilot",
	[ODS_STAGE_PARALLEL] = "parallel",
	[ODS_STAGE_PRODUCTION] = "production",
	NULL};
_Static_assert(sizeof(ods_stages) / sizeof(ods_stages[0]) == ODS_STAGE__COUNT + 1,
	"a word for each");
const char *const ods_states[] = {[ODS_IS_PLANNED] = "planned",
	[ODS_IS_LIVE] = "live",
	[ODS_IS_RETIRED] = "retired",
	NULL};
_Static_assert(sizeof(ods_states) / sizeof(ods_states[0]) == ODS_IS__COUNT + 1,
	"a word for each");
const char *const ods_modes[] = {[ODS_MODE_INTROSPECT] = "introspect",
	[ODS_MODE_GATED] = "gated",
	[ODS_MODE_JWT] = "jwt",
	[ODS_MODE_OWN] = "own",
	NULL};
_Static_assert(sizeof(ods_modes) / sizeof(ods_modes[0]) == ODS_MODE__COUNT + 1,
	"a word for each");
const char *const application_states[] = {
	[APPLICATION_IS_LIVE] = "live", [APPLICATION_IS_ENDED] = "ended", NULL};
_Static_assert(sizeof(application_states) / sizeof(application_states[0]) ==
		       APPLICATION_IS__COUNT + 1,
	"a word for each");
const char *const client_states[] = {[CLIENT_IS_DRAFT] = "draft",
	[CLIENT_IS_LIVE] = "live",
	[CLIENT_IS_SUSPENDED] = "suspended",
	[CLIENT_IS_QUARANTINED] = "quarantined",
	[CLIENT_IS_REVOKED] = "revoked",
	NULL};
_Static_assert(sizeof(client_states) / sizeof(client_states[0]) == CLIENT_IS__COUNT + 1,
	"a word for each");
const char *const secret_states[] = {[SECRET_IS_SEALED] = "sealed",
	[SECRET_IS_DELIVERED] = "delivered",
	[SECRET_IS_LIVE] = "live",
	[SECRET_IS_RETIRING] = "retiring",
	[SECRET_IS_ENDED] = "ended",
	[SECRET_IS_QUARANTINED] = "quarantined",
	[SECRET_IS_REVOKED] = "revoked",
	NULL};
_Static_assert(sizeof(secret_states) / sizeof(secret_states[0]) == SECRET_IS__COUNT + 1,
	"a word for each");
const char *const role_names[] = {[ROLE_IS_OWNER] = "owner",
	[ROLE_IS_STATE] = "state",
	[ROLE_IS_HUB] = "hub",
	[ROLE_IS_ODS_OPERATOR] = "ods-operator",
	[ROLE_IS_STEWARD] = "steward",
	[ROLE_IS_VENDOR] = "vendor",
	[ROLE_IS_AUDITOR] = "auditor",
	NULL};
_Static_assert(sizeof(role_names) / sizeof(role_names[0]) == ROLE_IS__COUNT + 1,
	"a word for each");
const char *const operator_states[] = {
	[OPERATOR_IS_LIVE] = "live", [OPERATOR_IS_ENDED] = "ended", NULL};
_Static_assert(
	sizeof(operator_states) / sizeof(operator_states[0]) == OPERATOR_IS__COUNT + 1,
	"a word for each");
const char *const caller_states[] = {
	[CALLER_IS_LIVE] = "live", [CALLER_IS_ENDED] = "ended", NULL};
_Static_assert(sizeof(caller_states) / sizeof(caller_states[0]) == CALLER_IS__COUNT + 1,
	"a word for each");
const char *const signing_algs[] = {
	[SIGNING_ALG_ES256] = "ES256", [SIGNING_ALG_RS256] = "RS256", NULL};
_Static_assert(sizeof(signing_algs) / sizeof(signing_algs[0]) == SIGNING_ALG__COUNT + 1,
	"a word for each");
const char *const signing_states[] = {[SIGNING_IS_SPARE] = "spare",
	[SIGNING_IS_ACTIVE] = "active",
	[SIGNING_IS_VERIFYING] = "verifying",
	[SIGNING_IS_WITHDRAWN] = "withdrawn",
	NULL};
_Static_assert(
	sizeof(signing_states) / sizeof(signing_states[0]) == SIGNING_IS__COUNT + 1,
	"a word for each");
const char *const slot_kinds[] = {[SLOT_KIND_KEY_FILE] = "key-file",
	[SLOT_KIND_CREDENTIAL] = "credential",
	[SLOT_KIND_RECOVERY_CODE] = "recovery-code",
	[SLOT_KIND_PASSPHRASE] = "passphrase",
	NULL};
_Static_assert(sizeof(slot_kinds) / sizeof(slot_kinds[0]) == SLOT_KIND__COUNT + 1,
	"a word for each");
const char *const phase_names[] = {[PHASE_EMPTY] = "empty",
	[PHASE_SEALED] = "sealed",
	[PHASE_SERVING] = "serving",
	NULL};
_Static_assert(sizeof(phase_names) / sizeof(phase_names[0]) == PHASE__COUNT + 1,
	"a word for each");
const char *const sink_states[] = {[SINK_IS_WORKING] = "working",
	[SINK_IS_BEHIND] = "behind",
	[SINK_IS_MISSING] = "missing",
	[SINK_IS_AHEAD] = "ahead",
	NULL};
_Static_assert(sizeof(sink_states) / sizeof(sink_states[0]) == SINK_IS__COUNT + 1,
	"a word for each");
const char *const sink_places[] = {[SINK_PLACE_SAME_DISK] = "same-disk",
	[SINK_PLACE_SAME_HOST] = "same-host",
	[SINK_PLACE_ELSEWHERE] = "elsewhere",
	NULL};
_Static_assert(sizeof(sink_places) / sizeof(sink_places[0]) == SINK_PLACE__COUNT + 1,
	"a word for each");
const char *const disk_states[] = {[DISK_IS_OK] = "ok", [DISK_IS_FULL] = "full", NULL};
_Static_assert(sizeof(disk_states) / sizeof(disk_states[0]) == DISK_IS__COUNT + 1,
	"a word for each");
const char *const find_kinds[] = {[FIND_IS_CLIENT] = "client",
	[FIND_IS_SECRET] = "secret",
	[FIND_IS_TOKEN] = "token",
	[FIND_IS_TYPING_ERROR] = "typing-error",
	NULL};
_Static_assert(sizeof(find_kinds) / sizeof(find_kinds[0]) == FIND_IS__COUNT + 1,
	"a word for each");
const char *const audit_verdicts[] = {[AUDIT_VERDICT_COMPLETE] = "complete",
	[AUDIT_VERDICT_CONSISTENT] = "consistent",
	[AUDIT_VERDICT_BROKEN] = "broken",
	NULL};
_Static_assert(
	sizeof(audit_verdicts) / sizeof(audit_verdicts[0]) == AUDIT_VERDICT__COUNT + 1,
	"a word for each");

#define FIELD_ROW(js, type_, flags_, min_, max_, words_, sub_, doc_)                     \
	{                                                                                \
		.name = (js), .doc = (doc_), .words = (words_), .sub = (sub_),           \
		.min = (min_), .max = (max_), .type = FIELD_##type_, .flags = (flags_)   \
	}
#define FIELD(id, ...) FIELD_ROW(__VA_ARGS__),

static const struct field tenant_fields[] = {
#include "core/model/tenant.def"
};
const struct schema tenant_schema = {.name = "tenant",
	.doc = "a state or agency served by this keyd",
	.fields = tenant_fields,
	.count = TENANT__COUNT};

static const struct field year_fields[] = {
#include "core/model/year.def"
};
const struct schema year_schema = {.name = "year",
	.doc = "a school year",
	.fields = year_fields,
	.count = YEAR__COUNT};

static const struct field vendor_fields[] = {
#include "core/model/vendor.def"
};
const struct schema vendor_schema = {.name = "vendor",
	.doc = "a company or office whose systems use credentials",
	.fields = vendor_fields,
	.count = VENDOR__COUNT};

static const struct field product_fields[] = {
#include "core/model/product.def"
};
const struct schema product_schema = {.name = "product",
	.doc = "a product of a vendor",
	.fields = product_fields,
	.count = PRODUCT__COUNT};

static const struct field edorg_fields[] = {
#include "core/model/edorg.def"
};
const struct schema edorg_schema = {.name = "edorg",
	.doc = "an education organization",
	.fields = edorg_fields,
	.count = EDORG__COUNT};

static const struct field ods_fields[] = {
#include "core/model/ods.def"
};
const struct schema ods_schema = {.name = "ods",
	.doc = "an ODS instance in one school year",
	.fields = ods_fields,
	.count = ODS__COUNT};

static const struct field application_fields[] = {
#include "core/model/application.def"
};
const struct schema application_schema = {.name = "application",
	.doc = "a vendor product for education organizations in one school year",
	.fields = application_fields,
	.count = APPLICATION__COUNT};

static const struct field secret_fields[] = {
#include "core/model/secret.def"
};
const struct schema secret_schema = {.name = "secret",
	.doc = "a secret of a client",
	.fields = secret_fields,
	.count = SECRET__COUNT};

static const struct field client_fields[] = {
#include "core/model/client.def"
};
const struct schema client_schema = {.name = "client",
	.doc = "a key, and what it may do",
	.fields = client_fields,
	.count = CLIENT__COUNT};

static const struct field envelope_fields[] = {
#include "core/model/envelope.def"
};
const struct schema envelope_schema = {.name = "envelope",
	.doc = "a credential, shown once",
	.fields = envelope_fields,
	.count = ENVELOPE__COUNT};

static const struct field client_act_fields[] = {
#include "core/model/client_act.def"
};
const struct schema client_act_schema = {.name = "client_act",
	.doc = "what is asked of a client",
	.fields = client_act_fields,
	.count = CLIENT_ACT__COUNT};

static const struct field role_fields[] = {
#include "core/model/role.def"
};
const struct schema role_schema = {.name = "role",
	.doc = "what an operator may do",
	.fields = role_fields,
	.count = ROLE__COUNT};

static const struct field operator_fields[] = {
#include "core/model/operator.def"
};
const struct schema operator_schema = {.name = "operator",
	.doc = "a person who uses keyd",
	.fields = operator_fields,
	.count = OPERATOR__COUNT};

static const struct field claimset_fields[] = {
#include "core/model/claimset.def"
};
const struct schema claimset_schema = {.name = "claimset",
	.doc = "a claimset",
	.fields = claimset_fields,
	.count = CLAIMSET__COUNT};

static const struct field caller_fields[] = {
#include "core/model/caller.def"
};
const struct schema caller_schema = {.name = "caller",
	.doc = "a server that may ask about tokens",
	.fields = caller_fields,
	.count = CALLER__COUNT};

static const struct field signing_key_fields[] = {
#include "core/model/signing_key.def"
};
const struct schema signing_key_schema = {.name = "signing_key",
	.doc = "a key that signs tokens",
	.fields = signing_key_fields,
	.count = SIGNING_KEY__COUNT};

static const struct field seal_slot_fields[] = {
#include "core/model/seal_slot.def"
};
const struct schema seal_slot_schema = {.name = "seal_slot",
	.doc = "a way to unseal",
	.fields = seal_slot_fields,
	.count = SEAL_SLOT__COUNT};

static const struct field audit_fields[] = {
#include "core/model/audit.def"
};
const struct schema audit_schema = {.name = "audit",
	.doc = "an audit record",
	.fields = audit_fields,
	.count = AUDIT__COUNT};

static const struct field clock_fields[] = {
#include "core/model/clock.def"
};
const struct schema clock_schema = {.name = "clock",
	.doc = "the clock",
	.fields = clock_fields,
	.count = CLOCK__COUNT};

static const struct field status_fields[] = {
#include "core/model/status.def"
};
const struct schema status_schema = {.name = "status",
	.doc = "how keyd is",
	.fields = status_fields,
	.count = STATUS__COUNT};

static const struct field find_ask_fields[] = {
#include "core/model/find_ask.def"
};
const struct schema find_ask_schema = {.name = "find_ask",
	.doc = "what to look for",
	.fields = find_ask_fields,
	.count = FIND_ASK__COUNT};

static const struct field find_hit_fields[] = {
#include "core/model/find_hit.def"
};
const struct schema find_hit_schema = {.name = "find_hit",
	.doc = "something found",
	.fields = find_hit_fields,
	.count = FIND_HIT__COUNT};

static const struct field find_fields[] = {
#include "core/model/find.def"
};
const struct schema find_schema = {.name = "find",
	.doc = "what was found",
	.fields = find_fields,
	.count = FIND__COUNT};

static const struct field fault_fields[] = {
#include "core/model/fault.def"
};
const struct schema fault_schema = {.name = "fault",
	.doc = "why it did not work",
	.fields = fault_fields,
	.count = FAULT__COUNT};

static const struct field list_ask_fields[] = {
#include "core/model/list_ask.def"
};
const struct schema list_ask_schema = {.name = "list_ask",
	.doc = "a page of a list",
	.fields = list_ask_fields,
	.count = LIST_ASK__COUNT};

static const struct field caller_auth_fields[] = {
#include "core/model/caller_auth.def"
};
const struct schema caller_auth_schema = {.name = "caller_auth",
	.doc = "a caller",
	.fields = caller_auth_fields,
	.count = CALLER_AUTH__COUNT};

static const struct field token_ask_fields[] = {
#include "core/model/token_ask.def"
};
const struct schema token_ask_schema = {.name = "token_ask",
	.doc = "RFC 6749 section 4.4",
	.fields = token_ask_fields,
	.count = TOKEN_ASK__COUNT};

static const struct field token_fields[] = {
#include "core/model/token.def"
};
const struct schema token_schema = {
	.name = "token", .doc = "a token", .fields = token_fields, .count = TOKEN__COUNT};

static const struct field introspect_ask_fields[] = {
#include "core/model/introspect_ask.def"
};
const struct schema introspect_ask_schema = {.name = "introspect_ask",
	.doc = "RFC 7662 section 2.1",
	.fields = introspect_ask_fields,
	.count = INTROSPECT_ASK__COUNT};

static const struct field introspection_fields[] = {
#include "core/model/introspection.def"
};
const struct schema introspection_schema = {.name = "introspection",
	.doc = "RFC 7662 section 2.2",
	.fields = introspection_fields,
	.count = INTROSPECTION__COUNT};

static const struct field revoke_ask_fields[] = {
#include "core/model/revoke_ask.def"
};
const struct schema revoke_ask_schema = {.name = "revoke_ask",
	.doc = "RFC 7009 section 2.1",
	.fields = revoke_ask_fields,
	.count = REVOKE_ASK__COUNT};

static const struct field token_info_ask_fields[] = {
#include "core/model/token_info_ask.def"
};
const struct schema token_info_ask_schema = {.name = "token_info_ask",
	.doc = "Ed-Fi's token_info",
	.fields = token_info_ask_fields,
	.count = TOKEN_INFO_ASK__COUNT};

static const struct field edorg_info_fields[] = {
#include "core/model/edorg_info.def"
};
const struct schema edorg_info_schema = {.name = "edorg_info",
	.doc = "an education organization in token_info",
	.fields = edorg_info_fields,
	.count = EDORG_INFO__COUNT};

static const struct field token_info_fields[] = {
#include "core/model/token_info.def"
};
const struct schema token_info_schema = {.name = "token_info",
	.doc = "answer of Ed-Fi's token_info",
	.fields = token_info_fields,
	.count = TOKEN_INFO__COUNT};

static const struct field init_fields[] = {
#include "core/model/init.def"
};
const struct schema init_schema = {.name = "init",
	.doc = "the first start",
	.fields = init_fields,
	.count = INIT__COUNT};

static const struct field unseal_fields[] = {
#include "core/model/unseal.def"
};
const struct schema unseal_schema = {.name = "unseal",
	.doc = "opening the seal",
	.fields = unseal_fields,
	.count = UNSEAL__COUNT};

static const struct field backup_ask_fields[] = {
#include "core/model/backup_ask.def"
};
const struct schema backup_ask_schema = {.name = "backup_ask",
	.doc = "a backup or a restore",
	.fields = backup_ask_fields,
	.count = BACKUP_ASK__COUNT};

static const struct field backup_fields[] = {
#include "core/model/backup.def"
};
const struct schema backup_schema = {.name = "backup",
	.doc = "what a backup holds",
	.fields = backup_fields,
	.count = BACKUP__COUNT};

static const struct field audit_verify_fields[] = {
#include "core/model/audit_verify.def"
};
const struct schema audit_verify_schema = {.name = "audit_verify",
	.doc = "verdict on the audit chain",
	.fields = audit_verify_fields,
	.count = AUDIT_VERIFY__COUNT};

static const struct field text_fields[] = {
#include "core/model/text.def"
};
const struct schema text_schema = {
	.name = "text", .doc = "a document", .fields = text_fields, .count = TEXT__COUNT};

static const struct field done_fields[] = {
#include "core/model/done.def"
};
const struct schema done_schema = {.name = "done",
	.doc = "that it is done",
	.fields = done_fields,
	.count = DONE__COUNT};

#undef FIELD

#define LIST_OF(name_)                                                                   \
	static const struct field name_##_list_fields[] = {                              \
		[LIST_ITEMS] =                                                           \
			FIELD_ROW("items", RECORDS, FIELD_SERVER | FIELD_REQUIRED, 0,    \
				500, NULL, &name_##_schema, "this page"),                \
		[LIST_TOTAL] = FIELD_ROW("total", INT, FIELD_SERVER | FIELD_REQUIRED, 0, \
			INT64_MAX, NULL, NULL, "how many there are in all"),             \
		[LIST_AFTER] = FIELD_ROW("after", TEXT, FIELD_SERVER, 1, 256, NULL,      \
			NULL, "cursor of the next page; absent on the last"),            \
	};                                                                               \
	const struct schema name_##_list_schema = {.name = #name_ "_list",               \
		.doc = "a page of a list",                                               \
		.fields = name_##_list_fields,                                           \
		.count = LIST__COUNT};
LIST_OF(tenant)
LIST_OF(year)
LIST_OF(vendor)
LIST_OF(product)
LIST_OF(edorg)
LIST_OF(ods)
LIST_OF(application)
LIST_OF(client)
LIST_OF(operator)
LIST_OF(claimset)
LIST_OF(caller)
LIST_OF(signing_key)
LIST_OF(seal_slot)
LIST_OF(audit)

#define REQUEST_ROWS                                                                     \
	[REQUEST_REF] = FIELD_ROW("ref", TEXT, 0, 1, 256, NULL, NULL, "which one"),      \
	[REQUEST_VERSION] =                                                              \
		FIELD_ROW("version", INT, 0, 1, INT64_MAX, NULL, NULL, "If-Match"),      \
	[REQUEST_IDEMPOTENCY] = FIELD_ROW(                                               \
		"idempotency_key", BYTES, 0, 16, 64, NULL, NULL, "Idempotency-Key"),     \
	[REQUEST_ACCEPT] =                                                               \
		FIELD_ROW("accept", BOOL, 0, 0, 1, NULL, NULL, "warnings are accepted"), \
	[REQUEST_DRY_RUN] =                                                              \
		FIELD_ROW("dry_run", BOOL, 0, 0, 1, NULL, NULL, "change nothing"),       \
	[REQUEST_REQUEST_ID] = FIELD_ROW(                                                \
		"request_id", TEXT, 0, 0, 64, NULL, NULL, "of the HTTP request")
#define REQUEST_ON(name_)                                                                \
	static const struct field name_##_request_fields[] = {                           \
		REQUEST_ROWS, [REQUEST_BODY] = FIELD_ROW("body", RECORDS, 0, 0, 1, NULL, \
				      &name_##_schema, "what is asked")};                \
	const struct schema name_##_request_schema = {.name = #name_ "_request",         \
		.doc = "a request about one object",                                     \
		.fields = name_##_request_fields,                                        \
		.count = REQUEST__COUNT};
REQUEST_ON(tenant)
REQUEST_ON(year)
REQUEST_ON(vendor)
REQUEST_ON(product)
REQUEST_ON(edorg)
REQUEST_ON(ods)
REQUEST_ON(application)
REQUEST_ON(client)
REQUEST_ON(operator)
REQUEST_ON(client_act)
REQUEST_ON(caller)
REQUEST_ON(seal_slot)
REQUEST_ON(init)
REQUEST_ON(unseal)
REQUEST_ON(backup_ask)
REQUEST_ON(find_ask)
REQUEST_ON(signing_key)

static const struct field plain_request_fields[] = {REQUEST_ROWS};
const struct schema plain_request_schema = {.name = "plain_request",
	.doc = "a request about one object",
	.fields = plain_request_fields,
	.count = REQUEST_BODY};
