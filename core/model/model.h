#ifndef KEYD_CORE_MODEL_MODEL_H
#define KEYD_CORE_MODEL_MODEL_H

#include "core/record.h"

/* Everything that crosses a border of keyd, as schemas. Each <name>.def holds the fields
 * of one of them; the enumerators here are their indexes for record_*(): CLIENT_STATE is
 * the field `state` of client_schema. */

enum tenant_field {
#define FIELD(id, ...) TENANT_##id,
#include "core/model/tenant.def"
#undef FIELD
	TENANT__COUNT
};
extern const struct schema tenant_schema;

enum year_field {
#define FIELD(id, ...) YEAR_##id,
#include "core/model/year.def"
#undef FIELD
	YEAR__COUNT
};
extern const struct schema year_schema;

enum vendor_field {
#define FIELD(id, ...) VENDOR_##id,
#include "core/model/vendor.def"
#undef FIELD
	VENDOR__COUNT
};
extern const struct schema vendor_schema;

enum product_field {
#define FIELD(id, ...) PRODUCT_##id,
#include "core/model/product.def"
#undef FIELD
	PRODUCT__COUNT
};
extern const struct schema product_schema;

enum edorg_field {
#define FIELD(id, ...) EDORG_##id,
#include "core/model/edorg.def"
#undef FIELD
	EDORG__COUNT
};
extern const struct schema edorg_schema;

enum ods_field {
#define FIELD(id, ...) ODS_##id,
#include "core/model/ods.def"
#undef FIELD
	ODS__COUNT
};
extern const struct schema ods_schema;

enum application_field {
#define FIELD(id, ...) APPLICATION_##id,
#include "core/model/application.def"
#undef FIELD
	APPLICATION__COUNT
};
extern const struct schema application_schema;

enum secret_field {
#define FIELD(id, ...) SECRET_##id,
#include "core/model/secret.def"
#undef FIELD
	SECRET__COUNT
};
extern const struct schema secret_schema;

enum client_field {
#define FIELD(id, ...) CLIENT_##id,
#include "core/model/client.def"
#undef FIELD
	CLIENT__COUNT
};
extern const struct schema client_schema;

enum envelope_field {
#define FIELD(id, ...) ENVELOPE_##id,
#include "core/model/envelope.def"
#undef FIELD
	ENVELOPE__COUNT
};
extern const struct schema envelope_schema;

enum client_act_field {
#define FIELD(id, ...) CLIENT_ACT_##id,
#include "core/model/client_act.def"
#undef FIELD
	CLIENT_ACT__COUNT
};
extern const struct schema client_act_schema;

enum role_field {
#define FIELD(id, ...) ROLE_##id,
#include "core/model/role.def"
#undef FIELD
	ROLE__COUNT
};
extern const struct schema role_schema;

enum operator_field {
#define FIELD(id, ...) OPERATOR_##id,
#include "core/model/operator.def"
#undef FIELD
	OPERATOR__COUNT
};
extern const struct schema operator_schema;

enum claimset_field {
#define FIELD(id, ...) CLAIMSET_##id,
#include "core/model/claimset.def"
#undef FIELD
	CLAIMSET__COUNT
};
extern const struct schema claimset_schema;

enum caller_field {
#define FIELD(id, ...) CALLER_##id,
#include "core/model/caller.def"
#undef FIELD
	CALLER__COUNT
};
extern const struct schema caller_schema;

enum signing_key_field {
#define FIELD(id, ...) SIGNING_KEY_##id,
#include "core/model/signing_key.def"
#undef FIELD
	SIGNING_KEY__COUNT
};
extern const struct schema signing_key_schema;

enum seal_slot_field {
#define FIELD(id, ...) SEAL_SLOT_##id,
#include "core/model/seal_slot.def"
#undef FIELD
	SEAL_SLOT__COUNT
};
extern const struct schema seal_slot_schema;

enum audit_field {
#define FIELD(id, ...) AUDIT_##id,
#include "core/model/audit.def"
#undef FIELD
	AUDIT__COUNT
};
extern const struct schema audit_schema;

enum clock_field {
#define FIELD(id, ...) CLOCK_##id,
#include "core/model/clock.def"
#undef FIELD
	CLOCK__COUNT
};
extern const struct schema clock_schema;

enum status_field {
#define FIELD(id, ...) STATUS_##id,
#include "core/model/status.def"
#undef FIELD
	STATUS__COUNT
};
extern const struct schema status_schema;

enum find_ask_field {
#define FIELD(id, ...) FIND_ASK_##id,
#include "core/model/find_ask.def"
#undef FIELD
	FIND_ASK__COUNT
};
extern const struct schema find_ask_schema;

enum find_hit_field {
#define FIELD(id, ...) FIND_HIT_##id,
#include "core/model/find_hit.def"
#undef FIELD
	FIND_HIT__COUNT
};
extern const struct schema find_hit_schema;

enum find_field {
#define FIELD(id, ...) FIND_##id,
#include "core/model/find.def"
#undef FIELD
	FIND__COUNT
};
extern const struct schema find_schema;

enum fault_field {
#define FIELD(id, ...) FAULT_##id,
#include "core/model/fault.def"
#undef FIELD
	FAULT__COUNT
};
extern const struct schema fault_schema;

enum list_ask_field {
#define FIELD(id, ...) LIST_ASK_##id,
#include "core/model/list_ask.def"
#undef FIELD
	LIST_ASK__COUNT
};
extern const struct schema list_ask_schema;

enum caller_auth_field {
#define FIELD(id, ...) CALLER_AUTH_##id,
#include "core/model/caller_auth.def"
#undef FIELD
	CALLER_AUTH__COUNT
};
extern const struct schema caller_auth_schema;

enum token_ask_field {
#define FIELD(id, ...) TOKEN_ASK_##id,
#include "core/model/token_ask.def"
#undef FIELD
	TOKEN_ASK__COUNT
};
extern const struct schema token_ask_schema;

enum token_field {
#define FIELD(id, ...) TOKEN_##id,
#include "core/model/token.def"
#undef FIELD
	TOKEN__COUNT
};
extern const struct schema token_schema;

enum introspect_ask_field {
#define FIELD(id, ...) INTROSPECT_ASK_##id,
#include "core/model/introspect_ask.def"
#undef FIELD
	INTROSPECT_ASK__COUNT
};
extern const struct schema introspect_ask_schema;

enum introspection_field {
#define FIELD(id, ...) INTROSPECTION_##id,
#include "core/model/introspection.def"
#undef FIELD
	INTROSPECTION__COUNT
};
extern const struct schema introspection_schema;

enum revoke_ask_field {
#define FIELD(id, ...) REVOKE_ASK_##id,
#include "core/model/revoke_ask.def"
#undef FIELD
	REVOKE_ASK__COUNT
};
extern const struct schema revoke_ask_schema;

enum token_info_ask_field {
#define FIELD(id, ...) TOKEN_INFO_ASK_##id,
#include "core/model/token_info_ask.def"
#undef FIELD
	TOKEN_INFO_ASK__COUNT
};
extern const struct schema token_info_ask_schema;

enum edorg_info_field {
#define FIELD(id, ...) EDORG_INFO_##id,
#include "core/model/edorg_info.def"
#undef FIELD
	EDORG_INFO__COUNT
};
extern const struct schema edorg_info_schema;

enum token_info_field {
#define FIELD(id, ...) TOKEN_INFO_##id,
#include "core/model/token_info.def"
#undef FIELD
	TOKEN_INFO__COUNT
};
extern const struct schema token_info_schema;

enum init_field {
#define FIELD(id, ...) INIT_##id,
#include "core/model/init.def"
#undef FIELD
	INIT__COUNT
};
extern const struct schema init_schema;

enum unseal_field {
#define FIELD(id, ...) UNSEAL_##id,
#include "core/model/unseal.def"
#undef FIELD
	UNSEAL__COUNT
};
extern const struct schema unseal_schema;

enum backup_ask_field {
#define FIELD(id, ...) BACKUP_ASK_##id,
#include "core/model/backup_ask.def"
#undef FIELD
	BACKUP_ASK__COUNT
};
extern const struct schema backup_ask_schema;

enum backup_field {
#define FIELD(id, ...) BACKUP_##id,
#include "core/model/backup.def"
#undef FIELD
	BACKUP__COUNT
};
extern const struct schema backup_schema;

enum audit_verify_field {
#define FIELD(id, ...) AUDIT_VERIFY_##id,
#include "core/model/audit_verify.def"
#undef FIELD
	AUDIT_VERIFY__COUNT
};
extern const struct schema audit_verify_schema;

enum text_field {
#define FIELD(id, ...) TEXT_##id,
#include "core/model/text.def"
#undef FIELD
	TEXT__COUNT
};
extern const struct schema text_schema;

enum done_field {
#define FIELD(id, ...) DONE_##id,
#include "core/model/done.def"
#undef FIELD
	DONE__COUNT
};
extern const struct schema done_schema;

/* A page of a list: items of one kind, how many there are in all, the cursor of the next
 * page. */
enum list_field { LIST_ITEMS, LIST_TOTAL, LIST_AFTER, LIST__COUNT };
#define LIST_OF(name) extern const struct schema name##_list_schema;
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
#undef LIST_OF

/* A request about one object: which one, what is asked, how it may be repeated. */
enum request_field {
	REQUEST_REF,         /* id, key, number or name, as the route has it */
	REQUEST_VERSION,     /* If-Match: refuse when the object has another version */
	REQUEST_IDEMPOTENCY, /* Idempotency-Key: at least 128 random bits */
	REQUEST_ACCEPT,      /* warnings are accepted */
	REQUEST_DRY_RUN,     /* check and answer, change nothing */
	REQUEST_REQUEST_ID,  /* of the HTTP request, for log and audit chain */
	REQUEST_BODY,        /* at most one record of the message's body schema */
	REQUEST__COUNT
};
#define REQUEST_ON(name) extern const struct schema name##_request_schema;
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
#undef REQUEST_ON
/* The same without a body. */
extern const struct schema plain_request_schema;

/* Words of the enumerations; the value in a record is the index. */
enum tenant_state_word { TENANT_IS_LIVE, TENANT_IS_SUSPENDED, TENANT_IS__COUNT };
extern const char *const tenant_states[];
enum vendor_kind_word {
	VENDOR_KIND_SIS,
	VENDOR_KIND_HR,
	VENDOR_KIND_FINANCE,
	VENDOR_KIND_SPECIAL_EDUCATION,
	VENDOR_KIND_ASSESSMENT,
	VENDOR_KIND_PUBLISHER,
	VENDOR_KIND_CONSUMER,
	VENDOR_KIND_OTHER,
	VENDOR_KIND__COUNT
};
extern const char *const vendor_kinds[];
enum vendor_state_word {
	VENDOR_IS_LIVE,
	VENDOR_IS_SUSPENDED,
	VENDOR_IS_DEPARTED,
	VENDOR_IS__COUNT
};
extern const char *const vendor_states[];
enum edorg_kind_word {
	EDORG_KIND_STATE,
	EDORG_KIND_ESA,
	EDORG_KIND_LEA,
	EDORG_KIND_SCHOOL,
	EDORG_KIND__COUNT
};
extern const char *const edorg_kinds[];
enum edorg_state_word { EDORG_IS_OPEN, EDORG_IS_CLOSED, EDORG_IS__COUNT };
extern const char *const edorg_states[];
enum ods_stage_word {
	ODS_STAGE_SANDBOX,
	ODS_STAGE_TEST,
	ODS_STAGE_PILOT,
	ODS_STAGE_PARALLEL,
	ODS_STAGE_PRODUCTION,
	ODS_STAGE__COUNT
};
extern const char *const ods_stages[];
enum ods_state_word { ODS_IS_PLANNED, ODS_IS_LIVE, ODS_IS_RETIRED, ODS_IS__COUNT };
extern const char *const ods_states[];
enum ods_mode_word {
	ODS_MODE_INTROSPECT,
	ODS_MODE_GATED,
	ODS_MODE_JWT,
	ODS_MODE_OWN,
	ODS_MODE__COUNT
};
extern const char *const ods_modes[];
enum application_state_word {
	APPLICATION_IS_LIVE,
	APPLICATION_IS_ENDED,
	APPLICATION_IS__COUNT
};
extern const char *const application_states[];
enum client_state_word {
	CLIENT_IS_DRAFT,
	CLIENT_IS_LIVE,
	CLIENT_IS_SUSPENDED,
	CLIENT_IS_QUARANTINED,
	CLIENT_IS_REVOKED,
	CLIENT_IS__COUNT
};
extern const char *const client_states[];
enum secret_state_word {
	SECRET_IS_SEALED,
	SECRET_IS_DELIVERED,
	SECRET_IS_LIVE,
	SECRET_IS_RETIRING,
	SECRET_IS_ENDED,
	SECRET_IS_QUARANTINED,
	SECRET_IS_REVOKED,
	SECRET_IS__COUNT
};
extern const char *const secret_states[];
enum role_name_word {
	ROLE_IS_OWNER,
	ROLE_IS_STATE,
	ROLE_IS_HUB,
	ROLE_IS_ODS_OPERATOR,
	ROLE_IS_STEWARD,
	ROLE_IS_VENDOR,
	ROLE_IS_AUDITOR,
	ROLE_IS__COUNT
};
extern const char *const role_names[];
enum operator_state_word { OPERATOR_IS_LIVE, OPERATOR_IS_ENDED, OPERATOR_IS__COUNT };
extern const char *const operator_states[];
enum caller_state_word { CALLER_IS_LIVE, CALLER_IS_ENDED, CALLER_IS__COUNT };
extern const char *const caller_states[];
enum signing_alg_word { SIGNING_ALG_ES256, SIGNING_ALG_RS256, SIGNING_ALG__COUNT };
extern const char *const signing_algs[];
enum signing_state_word {
	SIGNING_IS_SPARE,
	SIGNING_IS_ACTIVE,
	SIGNING_IS_VERIFYING,
	SIGNING_IS_WITHDRAWN,
	SIGNING_IS__COUNT
};
extern const char *const signing_states[];
enum slot_kind_word {
	SLOT_KIND_KEY_FILE,
	SLOT_KIND_CREDENTIAL,
	SLOT_KIND_RECOVERY_CODE,
	SLOT_KIND_PASSPHRASE,
	SLOT_KIND__COUNT
};
extern const char *const slot_kinds[];
enum phase_name_word { PHASE_EMPTY, PHASE_SEALED, PHASE_SERVING, PHASE__COUNT };
extern const char *const phase_names[];
enum sink_state_word {
	SINK_IS_WORKING,
	SINK_IS_BEHIND,
	SINK_IS_MISSING,
	SINK_IS_AHEAD,
	SINK_IS__COUNT
};
extern const char *const sink_states[];
enum sink_place_word {
	SINK_PLACE_SAME_DISK,
	SINK_PLACE_SAME_HOST,
	SINK_PLACE_ELSEWHERE,
	SINK_PLACE__COUNT
};
extern const char *const sink_places[];
enum disk_state_word { DISK_IS_OK, DISK_IS_FULL, DISK_IS__COUNT };
extern const char *const disk_states[];
enum find_kind_word {
	FIND_IS_CLIENT,
	FIND_IS_SECRET,
	FIND_IS_TOKEN,
	FIND_IS_TYPING_ERROR,
	FIND_IS__COUNT
};
extern const char *const find_kinds[];
enum audit_verdict_word {
	AUDIT_VERDICT_COMPLETE,
	AUDIT_VERDICT_CONSISTENT,
	AUDIT_VERDICT_BROKEN,
	AUDIT_VERDICT__COUNT
};
extern const char *const audit_verdicts[];

#endif
