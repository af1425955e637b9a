#include "core/clock.h"
#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/answer.h"
#include "keyd/keeper/lanes.h"

/* What the write thread does for the service itself. */

bool
service_is_alone(const struct job *j)
{
	return j->row->number == MESSAGE_INIT || j->row->number == MESSAGE_INIT_CONFIRM ||
	       j->row->number == MESSAGE_UNSEAL || j->row->number == MESSAGE_RESTORE;
}

static enum kerr
done(struct job *j, const char *text)
{
	struct record *r = job_answer(j);

	if (r == NULL)
		return KERR_NOMEM;
	record_set_int(r, DONE_DONE, 1);
	return record_set_text(r, DONE_TEXT, text);
}

static enum kerr
unseal(struct keeper *k, struct job *j)
{
	const struct record *body = record_count(j->asked, REQUEST_BODY) > 0
					    ? record_at(j->asked, REQUEST_BODY, 0)
					    : NULL;
	enum kerr err;

	if (atomic_load(&k->open))
		return done(j, "keyd is open already");
	if (body != NULL && record_has(body, UNSEAL_SECRET))
		err = open_slot(k, record_int(body, UNSEAL_NUMBER),
			record_secret(body, UNSEAL_SECRET), &j->fault);
	else
		err = open_automatic(k, &j->fault);
	if (err == KERR_OK)
		err = open_up(k, j->service, &j->fault);
	if (err != KERR_OK)
		return err;
	log_write(LOG_INFO, "unsealed", j->request, LOG_NUM("uid", j->uid));
	return done(j, "keyd is open and serves");
}

/* Only root and the owner of the state directory may begin a state or put one back. */
static enum kerr
may_begin(struct keeper *k, struct job *j)
{
	if (j->uid == 0 || j->uid == (int64_t)k->owner_uid)
		return KERR_OK;
	return fault_set(&j->fault, KERR_DENIED, "",
		"only root or the owner of the state directory may do this");
}

void
service_alone(struct keeper *k, struct job *j)
{
	enum kerr err = KERR_OK;

	j->service = arena_alloc(j->arena, sizeof(*j->service));
	if (j->service == NULL) {
		j->status = KERR_NOMEM;
		return;
	}
	j->service->phase = k->empty                ? PHASE_BIT_EMPTY
			    : atomic_load(&k->open) ? PHASE_BIT_SERVING
						    : PHASE_BIT_SEALED;
	if (j->row->number == MESSAGE_UNSEAL) {
		err = k->empty ? KERR_PHASE : unseal(k, j);
	} else if (service_is_alone(j)) {
		err = k->empty ? may_begin(k, j)
			       : fault_set(&j->fault, KERR_PHASE, "",
					 "this state directory is in use already");
		if (err == KERR_OK && j->row->number == MESSAGE_INIT)
			err = service_init(k, j);
		else if (err == KERR_OK && j->row->number == MESSAGE_INIT_CONFIRM)
			err = service_init_confirm(k, j);
		else if (err == KERR_OK)
			err = service_restore(k, j);
	} else {
		err = KERR_SEALED;
	}
	j->status = err;
	if (err == KERR_OK)
		return;
	if (j->row->number == MESSAGE_RESTORE && vault_is_open(k->vault)) {
		log_write(LOG_WARN, "restore-failed", j->request,
			LOG_TEXT("why", j->fault.text));
		j->service->again = true;
	}
	record_drop_secrets(j->answer);
	j->answer = NULL;
	if (j->fault.text[0] == '\0')
		fault_set(&j->fault, err, "", "%s", kerr_text(err));
}

static enum kerr
confirm_clock(struct job *j, struct op *op)
{
	struct clock_status st;
	enum kerr err =
		op_allow(op, VERB_KEYS, &(struct access_object){.statewide = true});

	if (err == KERR_OK)
		err = op_note(op, "clock.confirm", "clock", 0, "done");
	if (err != KERR_OK)
		return err;
	j->service = arena_alloc(j->arena, sizeof(*j->service));
	op->answer = job_answer(j);
	if (j->service == NULL || op->answer == NULL)
		return KERR_NOMEM;
	j->service->phase = PHASE_BIT_SERVING;
	j->service->clock = true;
	/* As it will be after the commit: the wall clock counts. */
	clock_status(&st);
	record_set_int(op->answer, CLOCK_NOW, st.offset > 0 ? st.wall : st.now);
	record_set_int(op->answer, CLOCK_WALL, st.wall);
	record_set_int(op->answer, CLOCK_OFFSET, st.offset > 0 ? 0 : st.offset);
	record_set_int(op->answer, CLOCK_STEPPED, 0);
	record_set_int(op->answer, CLOCK_SYNC, st.synchronised);
	record_set_int(op->answer, CLOCK_CONFIRMED, 1);
	record_set_int(op->answer, CLOCK_CALENDAR, 1);
	return KERR_OK;
}

/* The present rows, or the gap to the sink, become the truth: a named act of the owner.
 */
static enum kerr
accept_damage(struct keeper *k, struct job *j, struct op *op)
{
	enum kerr err =
		op_allow(op, VERB_PEOPLE, &(struct access_object){.statewide = true});

	if (err == KERR_OK && !atomic_load(&k->restricted) && store_damage(k->store) == 0)
		return op_fault(op, KERR_CONFLICT, "", "there is no damage to accept");
	if (err == KERR_OK)
		err = op_note(op, "damage.accept", "deployment", 1, "accepted");
	if (err == KERR_OK)
		err = store_damage_accept(k->store);
	if (err != KERR_OK)
		return err;
	j->service = arena_alloc(j->arena, sizeof(*j->service));
	if (j->service == NULL)
		return KERR_NOMEM;
	j->service->phase = PHASE_BIT_SERVING;
	j->service->accepted = true;
	op->answer = NULL;
	err = done(j, "accepted: keyd answers and issues again");
	op->answer = j->answer;
	return err;
}

static enum kerr
add_slot(struct keeper *k, struct job *j, struct op *op)
{
	const struct record *body = op_body(op);
	struct record *row;
	struct buf *sealed = j->service != NULL ? &j->service->slot : NULL;
	enum kerr err =
		op_allow(op, VERB_KEYS, &(struct access_object){.statewide = true});

	if (err != KERR_OK)
		return err;
	if (body == NULL || sealed == NULL || !j->service->hashed)
		return op_fault(
			op, KERR_INVALID, "body", "say which kind of slot to add");
	row = record_new(j->arena, store_schema(TABLE_seal_slot));
	if (row == NULL)
		return KERR_NOMEM;
	record_set_int(row, ROW_SEAL_SLOT_KIND, record_int(body, SEAL_SLOT_KIND));
	record_set_int(row, ROW_SEAL_SLOT_CREATED, op->now);
	err = record_set_text(
		row, ROW_SEAL_SLOT_LABEL, record_text(body, SEAL_SLOT_LABEL));
	if (err == KERR_OK)
		err = record_set_text(
			row, ROW_SEAL_SLOT_DEPLOYMENT, vault_deployment(k->vault));
	if (err == KERR_OK)
		err = record_set_bytes(
			row, ROW_SEAL_SLOT_SEALED, sealed->data, sealed->len);
	if (err == KERR_OK)
		err = store_put(k->store, TABLE_seal_slot, row);
	if (err == KERR_OK)
		err = op_note(
			op, "seal.add", "seal_slot", record_int(row, ROW_ID), "done");
	if (err == KERR_OK)
		err = open_slots(k, j->service);
	op->answer = job_answer(j);
	if (err != KERR_OK || op->answer == NULL)
		return err != KERR_OK ? err : KERR_NOMEM;
	record_set_int(op->answer, SEAL_SLOT_NUMBER, record_int(row, ROW_ID));
	record_set_int(op->answer, SEAL_SLOT_KIND, record_int(body, SEAL_SLOT_KIND));
	record_set_int(op->answer, SEAL_SLOT_OPENS, 1);
	record_set_int(op->answer, SEAL_SLOT_CREATED, op->now);
	if (record_has(body, SEAL_SLOT_SECRET) == false && j->answer != NULL)
		return KERR_OK;
	return record_set_text(
		op->answer, SEAL_SLOT_LABEL, record_text(body, SEAL_SLOT_LABEL));
}

enum kerr
service_in_group(struct keeper *k, struct job *j, struct op *op)
{
	switch (j->row->number) {
	case MESSAGE_CLOCK_CONFIRM:
		return confirm_clock(j, op);
	case MESSAGE_DAMAGE_ACCEPT:
		return accept_damage(k, j, op);
	case MESSAGE_SEAL_ADD:
		return add_slot(k, j, op);
	}
	return op_fault(
		op, KERR_UNSUPPORTED, "", "this keyd does not know that question");
}
