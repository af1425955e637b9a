#ifndef KEYD_TESTS_UNIT_MODEL_RIG_H
#define KEYD_TESTS_UNIT_MODEL_RIG_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/model/model.h"
#include "core/text.h"
#include "keyd/keeper/model/first.h"
#include "keyd/keeper/model/op.h"
#include "keyd/keeper/tokens/tokens.h"
#include "keyd/role/settings.h"
#include "tests/support/store_world.h"

/* A deployment as init leaves it, and operations run as the write thread runs them: one
 * savepoint in one transaction each, undone when they fail. */

#define RIG_NOW INT64_C(1790000000) /* 2026-09-21 */

struct model_rig {
	struct store_world w;
	struct audit *audit;
	int state_fd;
	struct record *settings;
	struct arena *arena; /* of the operations and what they answered */
	struct person who;
	int64_t now;
	unsigned asked;
	/* of the last operation */
	struct op op;
	enum kerr err;
};

static inline void
rig_ok(const struct model_rig *r, enum kerr err)
{
	ck_assert_msg(err == KERR_OK, "%s: %s (%s)", kerr_name(err), r->op.fault.text,
		r->op.fault.field);
}

/* What the write thread does around an operation. */
static inline enum kerr
rig_do(struct model_rig *r, enum kerr (*run)(struct op *op))
{
	struct store *s = r->w.store;
	struct audit_mark mark;
	enum kerr err;

	ck_assert_int_eq(store_begin(s, false), KERR_OK);
	ck_assert_int_eq(store_save(s, false), KERR_OK);
	mark = audit_mark(r->audit);
	err = run(&r->op);
	if (err == KERR_OK) {
		ck_assert_int_eq(store_keep(s), KERR_OK);
		ck_assert_int_eq(store_commit(s), KERR_OK);
		audit_committed(r->audit);
		return err;
	}
	store_undo(s);
	audit_return(r->audit, mark);
	store_rollback(s);
	audit_dropped(r->audit);
	return err;
}

static inline void
rig_op(struct model_rig *r, uint16_t message, const struct record *asked)
{
	static char request[33];

	snprintf(request, sizeof(request), "%032u", ++r->asked);
	r->op = (struct op){.message = gate_find(message),
		.store = r->w.store,
		.reader = store_as_reader(r->w.store),
		.audit = r->audit,
		.vault = r->w.vault,
		.settings = r->settings,
		.arena = r->arena,
		.who = &r->who,
		.asked = asked,
		.request = request,
		.now = r->now};
}

static inline enum kerr
rig_run_first(struct op *op)
{
	const struct first_rows first = {.deployment = vault_deployment(op->vault),
		.tenant = "state",
		.owner = "olga",
		.owner_uid = 1000};

	return first_write(op, &first);
}

/* Becomes that person. */
static inline void
rig_as(struct model_rig *r, int64_t uid, const char *user)
{
	ck_assert_int_eq(
		access_person(store_as_reader(r->w.store), uid, user, r->arena, &r->who),
		KERR_OK);
}

static inline void
rig_start(struct model_rig *r)
{
	static bool started;

	memset(r, 0, sizeof(*r));
	if (!started)
		ck_assert_int_eq(tokens_start(NULL), KERR_OK);
	started = true;
	r->now = RIG_NOW;
	world_start(&r->w, (size_t)1 << 20);
	r->state_fd = open(r->w.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(r->state_fd, 0);
	ck_assert_int_eq(
		audit_open(r->w.store, r->w.vault, r->state_fd, &r->audit, &r->op.fault),
		KERR_OK);
	r->arena = arena_new((size_t)64 << 20);
	r->settings = record_new(r->arena, &settings_schema);
	ck_assert_int_eq(settings_defaults(r->settings), KERR_OK);
	r->who = (struct person){.uid = 1000, .name = "olga", .user = "olga"};
	rig_op(r, MESSAGE_INIT, NULL);
	rig_ok(r, rig_do(r, rig_run_first));
	rig_as(r, 1000, "olga");
}

static inline void
rig_end(struct model_rig *r)
{
	record_drop_secrets(r->op.answer);
	audit_close(r->audit);
	world_close(&r->w);
	(void)unlinkat(r->state_fd, "audit-signer", 0);
	close(r->state_fd);
	arena_free(r->arena);
	world_end(&r->w);
}

static inline int64_t
rig_number(const char *text, size_t len)
{
	int64_t n = 0;

	ck_assert_int_eq(text_to_int(text, len, &n), KERR_OK);
	return n;
}

/* Words separated by blanks, into a list field. */
static inline void
rig_set_list(struct record *rec, unsigned f, bool numbers, const char *text)
{
	enum kerr err = KERR_OK;
	size_t len;

	record_set_empty(rec, f);
	for (; *text != '\0'; text += len + (text[len] == ' ')) {
		len = strcspn(text, " ");
		err = numbers ? record_add_int(rec, f, rig_number(text, len))
			      : record_add_text(rec, f, text, len);
		ck_assert_int_eq(err, KERR_OK);
	}
}

/* A field of a record from text, as a person would type it. */
static inline void
rig_set(struct record *rec, const char *name, const char *text)
{
	const struct schema *s = record_schema(rec);
	int found = schema_field(s, name);
	unsigned f = (unsigned)found, i;
	int64_t day;

	ck_assert_msg(found >= 0, "%s has no field %s", s->name, name);
	switch (s->fields[f].type) {
	case FIELD_TEXT:
		ck_assert_int_eq(record_set_text(rec, f, text), KERR_OK);
		return;
	case FIELD_ENUM:
		for (i = 0; strcmp(s->fields[f].words[i], text) != 0; i++)
			continue;
		record_set_int(rec, f, i);
		return;
	case FIELD_DATE:
		ck_assert_int_eq(clock_date_parse(text, strlen(text), &day), KERR_OK);
		record_set_int(rec, f, day);
		return;
	case FIELD_INT:
	case FIELD_TIME:
	case FIELD_BOOL:
		record_set_int(rec, f, rig_number(text, strlen(text)));
		return;
	case FIELD_INTS:
	case FIELD_TEXTS:
		rig_set_list(rec, f, s->fields[f].type == FIELD_INTS, text);
		return;
	case FIELD_BYTES:
	case FIELD_SECRET:
	case FIELD_RECORDS:
	case FIELD__COUNT:
		break;
	}
	ck_abort_msg("rig_set cannot set %s", name);
}

/* A request about `ref` with a body of name, value … NULL; body NULL: none. */
static inline struct record *
rig_request(
	struct model_rig *r, uint16_t message, const char *ref, const char *const *body)
{
	const struct schema *s = gate_find(message)->asked;
	struct record *asked = record_new(r->arena, s);

	ck_assert_ptr_nonnull(asked);
	if (ref != NULL)
		rig_set(asked, "ref", ref);
	if (body != NULL) {
		struct record *b = record_add_record(asked, REQUEST_BODY);

		for (; *body != NULL; body += 2)
			rig_set(b, body[0], body[1]);
	}
	return asked;
}

/* Runs what was asked; the answer is in op.answer, the failure's sentence in op.fault. */
static inline enum kerr
rig_ask(struct model_rig *r, uint16_t message, const struct record *asked)
{
	record_drop_secrets(r->op.answer);
	rig_op(r, message, asked);
	r->err = rig_do(r, op_run);
	return r->err;
}

#define BODY(...) ((const char *const[]){__VA_ARGS__, NULL})
/* rig_try(&rig, MESSAGE_VENDOR_ADD, NULL, "name", "Acme", …): its error. */
#define rig_try(r, message, ref, ...)                                                    \
	rig_ask((r), (message), rig_request((r), (message), (ref), BODY(__VA_ARGS__)))
/* The same, which must succeed; gives the answer. */
#define rig_must(r, message, ref, ...)                                                   \
	rig_answer((r), rig_try((r), (message), (ref), __VA_ARGS__))
static inline struct record *
rig_answer(struct model_rig *r, enum kerr err)
{
	rig_ok(r, err);
	return r->op.answer;
}

/* A list with filters (separated by blanks), in that order; the answer's page. */
static inline enum kerr
rig_list(struct model_rig *r, uint16_t message, const char *filters, const char *sort,
	const char *after, int limit)
{
	struct record *asked = record_new(r->arena, &list_ask_schema);

	if (filters != NULL)
		rig_set(asked, "filter", filters);
	if (sort != NULL)
		rig_set(asked, "sort", sort);
	if (after != NULL)
		rig_set(asked, "after", after);
	if (limit > 0)
		record_set_int(asked, LIST_ASK_LIMIT, limit);
	return rig_ask(r, message, asked);
}

static inline const char *
rig_text(const struct record *rec, const char *name)
{
	return record_text(rec, (unsigned)schema_field(record_schema(rec), name));
}

static inline int64_t
rig_int(const struct record *rec, const char *name)
{
	return record_int(rec, (unsigned)schema_field(record_schema(rec), name));
}

/* How many rows of a table there are. */
static inline uint64_t
rig_count(struct model_rig *r, enum table_id table)
{
	const struct store_query q = {.table = table};
	uint64_t n = 0;

	ck_assert_int_eq(store_count(store_as_reader(r->w.store), &q, &n), KERR_OK);
	return n;
}

#endif
