#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/role/gate.h"

/* Which slots there are to unseal with. */

static enum kerr
put_slot(void *with, struct record *row)
{
	struct record *slot = record_add_record(with, LIST_ITEMS);
	int64_t kind = record_int(row, ROW_SEAL_SLOT_KIND);
	enum kerr err;

	if (slot == NULL)
		return KERR_NOMEM;
	record_set_int(slot, SEAL_SLOT_NUMBER, record_int(row, ROW_ID));
	err = record_copy_field(slot, SEAL_SLOT_KIND, row, ROW_SEAL_SLOT_KIND);
	if (err == KERR_OK)
		err = record_copy_field(slot, SEAL_SLOT_LABEL, row, ROW_SEAL_SLOT_LABEL);
	if (err == KERR_OK)
		err = record_copy_field(
			slot, SEAL_SLOT_CREATED, row, ROW_SEAL_SLOT_CREATED);
	/* A code or passphrase is with people: the loss of the machine gives it away no
	 * more than a copy of the disk. Of an automatic slot keyd status tells. */
	if (err == KERR_OK &&
		(kind == SLOT_KIND_RECOVERY_CODE || kind == SLOT_KIND_PASSPHRASE))
		err = record_set_text(slot, SEAL_SLOT_WITHSTANDS, "host");
	return err;
}

static enum kerr
list(struct op *op)
{
	const struct access_object keyd_itself = {.table = TABLE_deployment};
	const struct store_query q = {.table = TABLE_seal_slot, .limit = 64};
	struct record *page;
	enum kerr err = op_allow(op, VERB_READ, &keyd_itself);

	if (err != KERR_OK)
		return err;
	page = record_new(op->arena, &seal_slot_list_schema);
	if (page == NULL)
		return KERR_NOMEM;
	record_set_empty(page, LIST_ITEMS);
	err = store_select(op->reader, &q, op->arena, put_slot, page);
	record_set_int(page, LIST_TOTAL, (int64_t)record_count(page, LIST_ITEMS));
	if (err == KERR_OK)
		op->answer = page;
	return err;
}

const struct op_row op_seal_rows[] = {
	{MESSAGE_SEAL_LIST, list},
	{0, NULL},
};
