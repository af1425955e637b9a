#include "keyd/keeper/model/first.h"

#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/tokens/tokens.h"

/* Ed-Fi's shipped claimsets, in ODS/API 7's spelling. */
static const struct {
	const char *name, *note;
} shipped[] = {
	{"SIS Vendor", "student information system, one or many districts"},
	{"District Hosted SIS Vendor", "student information system run by the district"},
	{"Ed-Fi Sandbox", "for developers, not for production"},
	{"Roster Vendor", "reads rosters"},
	{"Assessment Vendor", "writes assessments and results"},
	{"Assessment Read", "reads assessments and results"},
	{"AB Connect", "learning standards of Academic Benchmarks"},
	{"Finance Vendor", "finance"},
	{"Education Preparation Program", "teacher preparation"},
	{"Bootstrap Descriptors and EdOrgs", "the first load, by an administrator"},
	{"Ed-Fi API Publisher - Reader", "copies one ODS to another: reads"},
	{"Ed-Fi API Publisher - Writer", "copies one ODS to another: writes"},
};

/* v8's spelling: blanks and hyphens removed. */
static void
put_v8_name(const char *name, char *out)
{
	for (; *name != '\0'; name++) {
		if (*name != ' ' && *name != '-')
			*out++ = *name;
	}
	*out = '\0';
}

static struct record *
new_row(struct op *op, enum table_id table)
{
	struct record *row = record_new(op->arena, store_schema(table));

	if (row != NULL)
		record_set_int(row, ROW_TENANT_ID, ACCESS_HOME_TENANT);
	return row;
}

static enum kerr
add_tenant(struct op *op, const char *name)
{
	struct record *row = new_row(op, TABLE_tenant);
	const char *kept;
	enum kerr err = row != NULL ? refs_name(op, name, "tenant", &kept) : KERR_NOMEM;

	if (err == KERR_OK)
		err = record_set_text(row, ROW_TENANT_NAME, kept);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_TENANT_STATE, TENANT_IS_LIVE);
	record_set_int(row, ROW_TENANT_CREATED, op->now);
	err = op_insert(op, TABLE_tenant, row, "tenant.add");
	return err == KERR_OK && record_int(row, ROW_ID) != ACCESS_HOME_TENANT
		       ? KERR_INTERNAL
		       : err;
}

static enum kerr
add_owner(struct op *op, const struct first_rows *first, int64_t *ret_id)
{
	struct record *row = new_row(op, TABLE_operator);
	struct record *role = new_row(op, TABLE_operator_role);
	enum kerr err;

	if (row == NULL || role == NULL)
		return KERR_NOMEM;
	record_set_int(row, ROW_OPERATOR_UID, first->owner_uid);
	record_set_int(row, ROW_OPERATOR_STATE, OPERATOR_IS_LIVE);
	record_set_int(row, ROW_OPERATOR_CREATED, op->now);
	err = record_set_text(row, ROW_OPERATOR_USER, first->owner);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_OPERATOR_NAME, first->owner);
	if (err == KERR_OK)
		err = op_insert(op, TABLE_operator, row, "operator.add");
	if (err != KERR_OK)
		return err;
	*ret_id = record_int(row, ROW_ID);
	record_set_int(role, ROW_OPERATOR_ROLE_OPERATOR_ID, *ret_id);
	record_set_int(role, ROW_OPERATOR_ROLE_ROLE, ROLE_IS_OWNER);
	return op_insert(op, TABLE_operator_role, role, "operator.grant");
}

static enum kerr
add_deployment(struct op *op, const char *name, int64_t owner)
{
	struct record *row = new_row(op, TABLE_deployment);
	enum kerr err = row != NULL ? record_set_text(row, ROW_DEPLOYMENT_NAME, name)
				    : KERR_NOMEM;

	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_DEPLOYMENT_OWNER_ID, owner);
	record_set_int(row, ROW_DEPLOYMENT_EPOCH, 0);
	record_set_int(row, ROW_DEPLOYMENT_CREATED, op->now);
	return op_insert(op, TABLE_deployment, row, "deployment.init");
}

static enum kerr
add_claimset(struct op *op, const char *name, const char *note)
{
	struct record *row = new_row(op, TABLE_claimset);
	struct record *version = new_row(op, TABLE_claimset_version);
	char v8_name[64];
	const char *skeleton;
	enum kerr err;

	if (row == NULL || version == NULL || strlen(name) >= sizeof(v8_name))
		return KERR_NOMEM;
	put_v8_name(name, v8_name);
	record_set_int(row, ROW_CLAIMSET_NUMBER, 1);
	record_set_int(row, ROW_CLAIMSET_CREATED, op->now);
	err = refs_skeleton(op, name, &skeleton);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_CLAIMSET_NAME, name);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_CLAIMSET_SKELETON, skeleton);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_CLAIMSET_V8_NAME, v8_name);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_CLAIMSET_NOTE, note);
	if (err == KERR_OK)
		err = op_insert(op, TABLE_claimset, row, "claimset.add");
	if (err != KERR_OK)
		return err;
	record_set_int(
		version, ROW_CLAIMSET_VERSION_CLAIMSET_ID, record_int(row, ROW_ID));
	record_set_int(version, ROW_CLAIMSET_VERSION_NUMBER, 1);
	record_set_int(version, ROW_CLAIMSET_VERSION_CREATED, op->now);
	err = record_set_text(version, ROW_CLAIMSET_VERSION_NOTE, "as Ed-Fi ships it");
	return err == KERR_OK ? op_insert(op, TABLE_claimset_version, version,
					"claimset.version")
			      : err;
}

static enum kerr
write_key(void *with, struct record *row, const struct record *former, const char *action)
{
	struct op *op = with;

	if (former != NULL)
		return op_update(op, TABLE_signing_key, row, former, action);
	record_set_int(row, ROW_TENANT_ID, ACCESS_HOME_TENANT);
	return op_insert(op, TABLE_signing_key, row, action);
}

enum kerr
first_write(struct op *op, const struct first_rows *first)
{
	const struct signing_set keys = {.store = op->store,
		.vault = op->vault,
		.arena = op->arena,
		.now = op->now,
		.write = write_key,
		.with = op};
	int64_t owner = 0;
	size_t i;
	enum kerr err = add_tenant(op, first->tenant);

	if (err == KERR_OK)
		err = add_owner(op, first, &owner);
	if (err == KERR_OK)
		err = add_deployment(op, first->deployment, owner);
	for (i = 0; err == KERR_OK && i < sizeof(shipped) / sizeof(shipped[0]); i++)
		err = add_claimset(op, shipped[i].name, shipped[i].note);
	if (err == KERR_OK)
		err = signing_set_init(&keys, SIGNING_ALG_ES256, &op->fault);
	op->keys_changed = op->people_changed = err == KERR_OK;
	return err;
}
