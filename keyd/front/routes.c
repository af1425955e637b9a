#include "keyd/front/routes.h"

#include <string.h>

#include "keyd/front/endpoints.h"
#include "keyd/front/form.h"
#include "keyd/front/upload.h"
#include "keyd/role/gate.h"

#define FORM_MAX 16384 /* an OAuth request: a token of 4 KiB and credentials */
#define ASK_MAX  16384 /* JSON of one object */
#define WATCHED  (DOOR_ADMIN | DOOR_LOCAL)

#define OAUTH(name_, path_, handle_)                                                     \
	{                                                                                \
		.name = name_, .method = HTTP_METHOD_POST, .path = path_,                \
		.doors = DOOR_PUBLIC, .body_max = FORM_MAX, .flags = ROUTE_OAUTH,        \
		.handle = handle_                                                        \
	}
#define OPEN(name_, doors_, path_, handle_)                                              \
	{                                                                                \
		.name = name_, .method = HTTP_METHOD_GET, .path = path_,                 \
		.doors = doors_, .handle = handle_                                       \
	}
#define LIST(name_, path_, message_)                                                     \
	{                                                                                \
		.name = name_, .method = HTTP_METHOD_GET, .path = path_,                 \
		.doors = DOOR_LOCAL, .message = message_, .handle = ep_list              \
	}
#define SHOW(name_, path_, message_)                                                     \
	{                                                                                \
		.name = name_, .method = HTTP_METHOD_GET, .path = path_,                 \
		.doors = DOOR_LOCAL, .message = message_, .handle = ep_model             \
	}
#define ACT(name_, path_, message_, flags_)                                              \
	{                                                                                \
		.name = name_, .method = HTTP_METHOD_POST, .path = path_,                \
		.doors = DOOR_LOCAL, .body_max = ASK_MAX, .message = message_,           \
		.flags = flags_, .handle = ep_model                                      \
	}
#define CHANGE(name_, path_, message_)                                                   \
	{                                                                                \
		.name = name_, .method = HTTP_METHOD_PATCH, .path = path_,               \
		.doors = DOOR_LOCAL, .body_max = ASK_MAX, .message = message_,           \
		.flags = ROUTE_CHANGE, .handle = ep_model                                \
	}
#define UPLOAD(name_, path_, message_)                                                   \
	{                                                                                \
		.name = name_, .method = HTTP_METHOD_POST, .path = path_,                \
		.doors = DOOR_LOCAL, .body_max = UPLOAD_MAX, .message = message_,        \
		.flags = ROUTE_UPLOAD, .handle = ep_upload                               \
	}
#define KIND(name_, path_, NAME_)                                                        \
	LIST(name_ "-list", path_, MESSAGE_##NAME_##_LIST),                              \
		ACT(name_ "-add", path_, MESSAGE_##NAME_##_ADD, ROUTE_CREATED),          \
		SHOW(name_ "-show", path_ "/{ref}", MESSAGE_##NAME_##_SHOW),             \
		CHANGE(name_ "-change", path_ "/{ref}", MESSAGE_##NAME_##_CHANGE)

static const struct route routes[] = {
	OAUTH("introspect", "/oauth/introspect", ep_introspect),
	OAUTH("token", "/oauth/token", ep_token),
	OAUTH("revoke", "/oauth/revoke", ep_revoke),
	OAUTH("token-info", "/oauth/token_info", ep_token_info),
	OPEN("jwks", DOOR_PUBLIC, "/oauth/jwks", ep_jwks),
	OPEN("oauth-metadata", DOOR_PUBLIC, "/.well-known/oauth-authorization-server",
		ep_metadata),
	OPEN("openid-metadata", DOOR_PUBLIC, "/.well-known/openid-configuration",
		ep_metadata),

	OPEN("healthz", WATCHED, "/healthz", ep_health),
	OPEN("readyz", WATCHED, "/readyz", ep_ready),
	OPEN("metrics", WATCHED, "/metrics", ep_metrics),

	ACT("init", "/keyd/init", MESSAGE_INIT, ROUTE_SECRETS),
	ACT("init-confirm", "/keyd/init/confirm", MESSAGE_INIT_CONFIRM, 0),
	ACT("unseal", "/keyd/unseal", MESSAGE_UNSEAL, 0),
	SHOW("status", "/keyd/status", MESSAGE_STATUS),
	ACT("stop", "/keyd/stop", MESSAGE_SHUTDOWN, 0),
	LIST("seal-list", "/keyd/seal/slots", MESSAGE_SEAL_LIST),
	ACT("seal-add", "/keyd/seal/slots", MESSAGE_SEAL_ADD,
		ROUTE_SECRETS | ROUTE_CREATED),
	ACT("seal-test", "/keyd/seal/slots/{ref}/test", MESSAGE_SEAL_TEST, ROUTE_CHANGE),
	SHOW("clock-show", "/keyd/clock", MESSAGE_CLOCK_SHOW),
	ACT("clock-confirm", "/keyd/clock/confirm", MESSAGE_CLOCK_CONFIRM, 0),
	ACT("backup", "/keyd/backup", MESSAGE_BACKUP, ROUTE_DOCUMENT),
	UPLOAD("backup-check", "/keyd/backup/check", MESSAGE_BACKUP_CHECK),
	UPLOAD("restore", "/keyd/restore", MESSAGE_RESTORE),
	ACT("damage-accept", "/keyd/damage/accept", MESSAGE_DAMAGE_ACCEPT, 0),

	KIND("tenant", "/keyd/tenants", TENANT),
	KIND("year", "/keyd/years", YEAR),
	KIND("vendor", "/keyd/vendors", VENDOR),
	KIND("product", "/keyd/products", PRODUCT),
	KIND("edorg", "/keyd/education-organizations", EDORG),
	KIND("ods", "/keyd/ods-instances", ODS),
	KIND("application", "/keyd/applications", APPLICATION),
	KIND("operator", "/keyd/operators", OPERATOR),
	KIND("client", "/keyd/clients", CLIENT),
	LIST("claimset-list", "/keyd/claimsets", MESSAGE_CLAIMSET_LIST),
	SHOW("claimset-show", "/keyd/claimsets/{ref}", MESSAGE_CLAIMSET_SHOW),
	LIST("caller-list", "/keyd/callers", MESSAGE_CALLER_LIST),
	ACT("caller-add", "/keyd/callers", MESSAGE_CALLER_ADD,
		ROUTE_SECRETS | ROUTE_CREATED),
	LIST("signing-key-list", "/keyd/signing-keys", MESSAGE_SIGNING_KEY_LIST),
	ACT("signing-key-rotate", "/keyd/signing-keys/rotate", MESSAGE_SIGNING_KEY_ROTATE,
		0),
	ACT("signing-key-withdraw", "/keyd/signing-keys/{ref}/withdraw",
		MESSAGE_SIGNING_KEY_WITHDRAW, 0),

	ACT("client-issue", "/keyd/clients/{ref}/issue", MESSAGE_CLIENT_ISSUE,
		ROUTE_SECRETS),
	ACT("client-deliver", "/keyd/clients/{ref}/deliver", MESSAGE_CLIENT_DELIVER,
		ROUTE_SECRETS),
	ACT("client-receipt", "/keyd/clients/{ref}/receipt", MESSAGE_CLIENT_RECEIPT, 0),
	ACT("client-rotate", "/keyd/clients/{ref}/rotate", MESSAGE_CLIENT_ROTATE,
		ROUTE_SECRETS),
	ACT("client-suspend", "/keyd/clients/{ref}/suspend", MESSAGE_CLIENT_SUSPEND, 0),
	ACT("client-resume", "/keyd/clients/{ref}/resume", MESSAGE_CLIENT_RESUME, 0),
	ACT("client-quarantine", "/keyd/clients/{ref}/quarantine",
		MESSAGE_CLIENT_QUARANTINE, 0),
	ACT("client-release", "/keyd/clients/{ref}/release", MESSAGE_CLIENT_RELEASE,
		ROUTE_SECRETS),
	ACT("client-revoke", "/keyd/clients/{ref}/revoke", MESSAGE_CLIENT_REVOKE, 0),
	ACT("find", "/keyd/find", MESSAGE_FIND, 0),
	ACT("find-quarantine", "/keyd/find/quarantine", MESSAGE_FIND_QUARANTINE, 0),

	LIST("audit-list", "/keyd/audit", MESSAGE_AUDIT_LIST),
	SHOW("audit-verify", "/keyd/audit/verify", MESSAGE_AUDIT_VERIFY),
	{.name = "audit-export",
		.method = HTTP_METHOD_GET,
		.path = "/keyd/audit/export",
		.doors = DOOR_LOCAL,
		.message = MESSAGE_AUDIT_EXPORT,
		.flags = ROUTE_DOCUMENT,
		.handle = ep_model},
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))
_Static_assert(ROUTES <= FRONT_ROUTES_MAX, "each route has its counters");

static const char placeholder[] = "{ref}";
#define PLACEHOLDER (sizeof(placeholder) - 1)

size_t
routes_count(void)
{
	return ROUTES;
}

const struct route *
route_at(size_t i)
{
	return i < ROUTES ? &routes[i] : NULL;
}

size_t
route_index(const struct route *r)
{
	return (size_t)(r - routes);
}

/* Does the path have the row's form? Then ref is the part that stands for {ref}. */
static bool
has_form(const char *form, const char *path, size_t len, struct http_span *ref)
{
	const char *mark = strstr(form, placeholder);
	size_t before = mark ? (size_t)(mark - form) : strlen(form);
	size_t after = mark ? strlen(mark + PLACEHOLDER) : 0;
	const char *segment = path + before;

	ref->len = 0;
	if (len < before + after || memcmp(form, path, before) != 0)
		return false;
	if (!mark)
		return len == before;
	ref->at = (uint32_t)before;
	ref->len = (uint32_t)(len - before - after);
	return ref->len && !memchr(segment, '/', ref->len) &&
	       memcmp(mark + PLACEHOLDER, segment + ref->len, after) == 0;
}

static bool
take_ref(struct exchange *ex, const char *bytes, size_t len)
{
	if (len > EXCHANGE_REF_MAX)
		return false;
	memcpy(ex->ref, bytes, len);
	ex->ref_len = len;
	if (form_decode_segment((uint8_t *)ex->ref, &ex->ref_len) != KERR_OK)
		return false;
	ex->ref[ex->ref_len] = '\0';
	return true;
}

const struct route *
route_find(enum door door, enum http_method method, const char *path, size_t len,
	struct exchange *ex, unsigned *ret_methods)
{
	*ret_methods = 0;
	if (method == HTTP_METHOD_HEAD)
		method = HTTP_METHOD_GET;
	for (size_t i = 0; i < ROUTES; i++) {
		const struct route *r = &routes[i];
		struct http_span ref;

		if (!(r->doors & door) || !has_form(r->path, path, len, &ref))
			continue;
		*ret_methods |= 1U << r->method;
		if (r->method != method)
			continue;
		if (ref.len && !take_ref(ex, path + ref.at, ref.len)) {
			*ret_methods = 0;
			return NULL;
		}
		return r;
	}
	return NULL;
}
