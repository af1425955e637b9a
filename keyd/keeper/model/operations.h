#ifndef KEYD_KEEPER_MODEL_OPERATIONS_H
#define KEYD_KEEPER_MODEL_OPERATIONS_H

#include "keyd/keeper/model/op.h"

/* Every table of operations, a line a file; each ends with message 0. */
extern const struct op_row op_tenant_rows[], op_year_rows[], op_vendor_rows[],
	op_product_rows[], op_edorg_rows[], op_ods_rows[], op_application_rows[],
	op_operator_rows[], op_claimset_rows[], op_caller_rows[], op_signing_key_rows[],
	op_seal_rows[];
extern const struct op_row op_client_rows[], op_client_life_rows[], op_find_rows[],
	op_audit_rows[], op_backup_rows[], op_own_rows[];

#endif
