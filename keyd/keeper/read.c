#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/lanes.h"

/* The reading threads: lists, show, find, export, backup. Each has a reader of its own,
 * opened when keyd is open. */

static void
read_one(struct keeper *k, struct store_reader *r, struct job *j)
{
	struct person who = {.uid = -1};
	struct op op;
	enum kerr err = access_person(r, j->uid, j->user, j->arena, &who);

	lanes_op(k, j, NULL, r, &who, &op);
	if (err == KERR_OK)
		err = op_run(&op);
	if (err == KERR_UNSUPPORTED && op.fault.text[0] == '\0')
		op_fault(&op, err, "", "this keyd does not know that question");
	lanes_op_done(j, &op, err);
	j->later = op.later;
}

/* What must be on record is written by the write thread before the answer leaves. */
static void
give_or_note(struct keeper *k, struct job *j)
{
	if (j->status == KERR_OK && j->later.action != NULL) {
		if (queue_put(&k->write, j, false) == KERR_OK)
			return;
		record_drop_secrets(j->answer);
		j->answer = NULL;
		j->status =
			fault_set(&j->fault, KERR_BUSY, "", "%s", kerr_text(KERR_BUSY));
	}
	answer_give(k, j);
}

/* SQLite's own look at every page, once after the start and in the background; rows have
 * their MACs and need it not. */
static void
check_pages(struct keeper *k, struct store_reader *r)
{
	struct fault fault = {0};

	if (atomic_exchange(&k->pages_checked, true))
		return;
	if (store_check_pages(r, &fault) != KERR_OK) {
		atomic_store(&k->pages_damaged, true);
		log_write(LOG_ERROR, "pages-damaged", "", LOG_TEXT("why", fault.text));
	}
}

void *
read_run(void *keeper)
{
	struct keeper *k = keeper;
	struct store_reader *r = NULL;
	struct job *j;

	while ((j = queue_take(&k->read, 1, 1000, NULL)) != NULL ||
		!queue_is_closed(&k->read)) {
		if (r == NULL && atomic_load(&k->open)) {
			if (store_reader_open(k->store, &r) != KERR_OK)
				log_write(LOG_ERROR, "reader-not-opened", "");
			else if (j == NULL)
				check_pages(k, r);
		}
		if (j == NULL)
			continue;
		if (r != NULL)
			read_one(k, r, j);
		else
			j->status = fault_set(
				&j->fault, KERR_SEALED, "", "%s", kerr_text(KERR_SEALED));
		give_or_note(k, j);
	}
	store_reader_close(r);
	return NULL;
}

/* Answers that release a secret wait for the sink. */
void *
wait_run(void *keeper)
{
	struct keeper *k = keeper;
	struct job *j;

	while ((j = queue_take(&k->wait, 1, 1000, NULL)) != NULL ||
		!queue_is_closed(&k->wait)) {
		if (j == NULL)
			continue;
		if (audit_sink_wait(k->audit, j->wait_seq, 2000) != KERR_OK) {
			record_drop_secrets(j->answer);
			j->answer = NULL;
			j->status = fault_set(&j->fault, KERR_NOT_READY, "",
				"the audit sink does not take records, so nothing secret "
				"is shown; what "
				"was made waits as undelivered: keyd status says what is "
				"wrong with "
				"the sink, then keyd client deliver");
		}
		j->wait_seq = 0;
		answer_give(k, j);
	}
	return NULL;
}
