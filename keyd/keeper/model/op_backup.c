#include "core/model/model.h"
#include "keyd/keeper/model/backup.h"
#include "keyd/keeper/model/op.h"
#include "keyd/keeper/model/operations.h"

/* A backup of the running state, and the audit chain as a file; both are on record before
 * they leave. And who may stop keyd. */

#define BACKUP_MAX ((size_t)1 << 30)

/* What the newest record of the chain says, as this reader sees it. */
static enum kerr
chain_end(struct op *op, struct store_state *ret)
{
	const struct store_query q = {
		.table = TABLE_audit_record, .descending = true, .limit = 1};
	struct record *row;
	const uint8_t *hash;
	size_t len;
	enum kerr err = store_first(op->reader, &q, op->arena, &row);

	*ret = (struct store_state){.last_seen = op->now};
	if (err != KERR_OK)
		return err;
	ret->audit_seq = (uint64_t)record_int(row, ROW_ID);
	hash = record_bytes(row, ROW_AUDIT_RECORD_HASH, &len);
	if (len != sizeof(ret->audit_head))
		return KERR_DAMAGED;
	__builtin_memcpy(ret->audit_head, hash, len);
	return KERR_OK;
}

static enum kerr
answer(struct op *op, const struct backup_facts *f, const struct buf *data)
{
	enum kerr err;

	op->answer = record_new(op->arena, &backup_schema);
	if (op->answer == NULL)
		return KERR_NOMEM;
	record_set_int(op->answer, BACKUP_TIME, f->time);
	record_set_int(op->answer, BACKUP_ROWS, (int64_t)f->rows);
	record_set_int(op->answer, BACKUP_AUDIT_SEQ, (int64_t)f->audit_seq);
	err = record_set_text(op->answer, BACKUP_DEPLOYMENT, f->deployment);
	return err == KERR_OK
		       ? record_set_bytes(op->answer, BACKUP_DATA, data->data, data->len)
		       : err;
}

static enum kerr
backup(struct op *op)
{
	struct backup_facts f;
	struct store_state state;
	struct buf out;
	enum kerr err =
		op_allow(op, VERB_SERVICE, &(struct access_object){.statewide = true});

	if (err != KERR_OK)
		return err;
	buf_init(&out, BACKUP_MAX);
	err = store_read_begin(op->reader);
	if (err == KERR_OK) {
		err = chain_end(op, &state);
		if (err == KERR_OK)
			err = backup_write(
				op->reader, op->vault, op->now, &state, &out, &f);
		store_read_end(op->reader);
	}
	if (err == KERR_OK)
		err = answer(op, &f, &out);
	buf_clear(&out);
	return err == KERR_OK ? op_note(op, "backup.make", "deployment", 1, "done") : err;
}

static enum kerr
export_chain(struct op *op)
{
	struct buf out;
	enum kerr err =
		op_allow(op, VERB_AUDIT, &(struct access_object){.statewide = true});

	if (err != KERR_OK)
		return err;
	buf_init(&out, BACKUP_MAX);
	err = audit_export(op->audit, op->reader, &out);
	op->answer = record_new(op->arena, &text_schema);
	if (err == KERR_OK && op->answer == NULL)
		err = KERR_NOMEM;
	if (err == KERR_OK)
		err = record_set_bytes(op->answer, TEXT_TEXT, out.data, out.len);
	buf_clear(&out);
	return err == KERR_OK ? op_note(op, "audit.export", "audit", 0, "done") : err;
}

/* Whether the person may; the answering thread stops keyd. */
static enum kerr
stop(struct op *op)
{
	enum kerr err =
		op_allow(op, VERB_SERVICE, &(struct access_object){.statewide = true});

	op->answer = record_new(op->arena, &done_schema);
	if (err != KERR_OK || op->answer == NULL)
		return err != KERR_OK ? err : KERR_NOMEM;
	record_set_int(op->answer, DONE_DONE, 1);
	return KERR_OK;
}

const struct op_row op_backup_rows[] = {
	{MESSAGE_BACKUP, backup},
	{MESSAGE_AUDIT_EXPORT, export_chain},
	{MESSAGE_SHUTDOWN, stop},
	{0, NULL},
};
