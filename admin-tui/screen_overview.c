#include "admin-tui/screens.h"

#include <stdio.h>
#include <string.h>

#include "admin-tui/console.h"
#include "admin-tui/list.h"
#include "admin-tui/value.h"
#include "core/model/model.h"

/* Overview: is keyd well, and what waits for a person. */

#define LABEL_WIDTH 13

enum row { ROW_CLIENTS, ROW_QUARANTINED, ROW_UNDELIVERED, ROW_EXPIRING, ROW__COUNT };

struct row_kind {
	const char *label;
	unsigned field;
	const char *says;
	const char *opens;    /* filter of the clients; NULL: there is no list of it */
	const char *instead;  /* what to do where there is none */
	enum draw_style some; /* where it is not 0 */
};

static const struct row_kind row_kinds[ROW__COUNT] = {
	[ROW_CLIENTS] = {"Clients", STATUS_CLIENTS, "not revoked", "", NULL, DRAW_PLAIN},
	[ROW_QUARANTINED] = {"Quarantined", STATUS_QUARANTINED, "clients and secrets",
		"state=quarantined", NULL, DRAW_BAD},
	[ROW_UNDELIVERED] = {"Undelivered", STATUS_UNDELIVERED,
		"secrets made and not delivered", NULL,
		"d on a client shows its undelivered secret", DRAW_WARN},
	[ROW_EXPIRING] = {"Expiring", STATUS_EXPIRING, "secrets that end within 30 days",
		NULL, "r on a client makes the next secret", DRAW_WARN},
};

struct overview {
	struct list list;
};

static void
line(const struct area *a, int *row, const char *label, enum draw_style style,
	const char *text)
{
	if (*row >= a->row + a->rows)
		return;
	draw_text(*row, a->column + 1, LABEL_WIDTH, DRAW_HEAD, label);
	draw_text(*row, a->column + 1 + LABEL_WIDTH, a->columns - LABEL_WIDTH - 1, style,
		text);
	(*row)++;
}

/* How it opens: not everybody is told. */
static void
draw_slots(const struct area *a, int *row, const struct record *s)
{
	const char *automatic = record_text(s, STATUS_AUTOMATIC);
	bool none = strcmp(automatic, "none") == 0;
	char text[160];

	if (!record_has(s, STATUS_SLOTS) || automatic[0] == '\0') {
		line(a, row, "Seal", DRAW_GOOD, "open");
		return;
	}
	snprintf(text, sizeof(text), "open, %lld slots; the automatic one %s%s",
		(long long)record_int(s, STATUS_SLOTS),
		none ? "is missing" : "withstands the loss of: ", none ? "" : automatic);
	line(a, row, "Seal", record_int(s, STATUS_SLOTS) > 1 ? DRAW_GOOD : DRAW_WARN,
		text);
}

static void
draw_service(const struct area *a, int *row, const struct record *s)
{
	bool ready = record_int(s, STATUS_READY);
	char text[256];

	snprintf(text, sizeof(text), "%s %s %s%s%s", record_text(s, STATUS_PHASE),
		draw_sign(DRAW_DOT), ready ? "ready" : "NOT ready",
		record_has(s, STATUS_RELEASE) ? ", release " : "",
		record_text(s, STATUS_RELEASE));
	line(a, row, "Service", ready ? DRAW_GOOD : DRAW_BAD, text);
	if (record_int(s, STATUS_PHASE) == PHASE_SEALED)
		line(a, row, "Seal", DRAW_BAD, "sealed: keyd unseal opens it");
	else if (record_int(s, STATUS_PHASE) == PHASE_EMPTY)
		line(a, row, "Seal", DRAW_BAD,
			"empty: keyd init makes a state directory");
	else
		draw_slots(a, row, s);
	snprintf(text, sizeof(text), "%lld on the network",
		(long long)record_int(s, STATUS_FRONTS));
	line(a, row, "Fronts", record_int(s, STATUS_FRONTS) > 0 ? DRAW_GOOD : DRAW_WARN,
		text);
}

static void
draw_clock(const struct area *a, int *row, const struct record *s)
{
	const struct record *clock = record_at(s, STATUS_CLOCK, 0);
	bool stepped, trusted;
	struct buf text;

	if (record_count(s, STATUS_CLOCK) == 0)
		return;
	stepped = record_int(clock, CLOCK_STEPPED);
	trusted = record_int(clock, CLOCK_SYNC) || record_int(clock, CLOCK_CONFIRMED);
	buf_init(&text, 512);
	value_time(&text, record_int(clock, CLOCK_NOW));
	buf_put_text(&text, "Z, ");
	if (stepped)
		buf_printf(&text,
			"the machine's clock jumped by %lld s: keyd clock confirm",
			(long long)record_int(clock, CLOCK_OFFSET));
	else if (record_int(clock, CLOCK_SYNC))
		buf_put_text(&text, "in sync");
	else if (trusted)
		buf_put_text(&text, "confirmed by a person");
	else
		buf_put_text(&text, "not in sync: keyd clock confirm");
	line(a, row, "Clock",
		stepped   ? DRAW_BAD
		: trusted ? DRAW_GOOD
			  : DRAW_WARN,
		buf_text(&text));
	buf_clear(&text);
}

static void
draw_audit(const struct area *a, int *row, const struct record *s)
{
	const char *sink = record_text(s, STATUS_SINK);
	bool full = record_int(s, STATUS_DISK) == DISK_IS_FULL;
	struct buf text;

	buf_init(&text, 512);
	buf_put_text(&text, "record ");
	value_number(&text, record_int(s, STATUS_AUDIT_SEQ));
	buf_printf(&text, "; sink %s, %s, ", sink, record_text(s, STATUS_SINK_PLACE));
	value_number(&text, record_int(s, STATUS_SINK_LAG));
	buf_put_text(&text, " behind");
	line(a, row, "Audit", value_style(sink), buf_text(&text));
	buf_reset(&text);
	buf_put_text(
		&text, full ? "FULL: only what takes something away is accepted" : "ok");
	if (record_int(s, STATUS_FENCED) > 0)
		buf_printf(&text, "; %lld damaged rows set aside",
			(long long)record_int(s, STATUS_FENCED));
	line(a, row, "Disk",
		full || record_int(s, STATUS_FENCED) > 0 ? DRAW_BAD : DRAW_GOOD,
		buf_text(&text));
	buf_reset(&text);
	if (record_has(s, STATUS_BACKUP) && record_int(s, STATUS_BACKUP) > 0)
		value_time(&text, record_int(s, STATUS_BACKUP));
	else
		buf_put_text(&text, "never");
	line(a, row, "Backup", DRAW_PLAIN, buf_text(&text));
	buf_clear(&text);
}

static void
draw_rows(struct overview *o, const struct area *a, int *row, const struct record *s)
{
	struct buf text;

	buf_init(&text, 256);
	for (size_t i = 0; i < ROW__COUNT && *row < a->row + a->rows; i++) {
		const struct row_kind *kind = &row_kinds[i];
		int64_t count = record_int(s, kind->field);
		bool selected = i == o->list.at;
		enum draw_style style = selected     ? DRAW_SELECTED
					: count != 0 ? kind->some
						     : DRAW_PLAIN;

		buf_reset(&text);
		buf_printf(&text, "%s%-*s", selected ? draw_sign(DRAW_MARK) : " ",
			LABEL_WIDTH, kind->label);
		draw_text(*row, a->column, a->columns, style, buf_text(&text));
		buf_reset(&text);
		value_number(&text, count);
		draw_right(*row, a->column + 1 + LABEL_WIDTH, 9, style, buf_text(&text));
		buf_reset(&text);
		buf_put_text(&text, kind->says);
		if (i == ROW_CLIENTS) {
			buf_put_text(&text, ", ");
			value_number(&text, record_int(s, STATUS_LIVE));
			buf_put_text(&text, " live");
		}
		draw_text(*row, a->column + LABEL_WIDTH + 12,
			a->columns - LABEL_WIDTH - 12, style, buf_text(&text));
		(*row)++;
	}
	buf_clear(&text);
}

static void
draw_reasons(const struct area *a, int row, const struct record *s)
{
	size_t count = record_count(s, STATUS_REASONS);

	if (count == 0)
		return;
	line(a, &row, "For a person", DRAW_PLAIN, "");
	for (size_t i = 0; i < count && row < a->row + a->rows; i++) {
		const struct area rest = {.row = row,
			.column = a->column + 3,
			.rows = a->row + a->rows - row,
			.columns = a->columns - 3};

		draw_text(row, a->column + 1, 2, DRAW_WARN, "!");
		row += draw_wrapped(
			&rest, DRAW_PLAIN, record_text_at(s, STATUS_REASONS, i));
	}
}

static void
draw(struct screen *s, const struct area *a)
{
	const struct record *status = console_status(s->console);
	struct overview *o = s->state;
	int row = a->row + 1;

	if (status == NULL)
		return;
	draw_service(a, &row, status);
	draw_clock(a, &row, status);
	draw_audit(a, &row, status);
	row++;
	draw_rows(o, a, &row, status);
	row++;
	draw_reasons(a, row, status);
}

static void
open_row(struct screen *s)
{
	const struct overview *o = s->state;
	const struct row_kind *kind = &row_kinds[o->list.at];

	if (kind->opens != NULL)
		console_open(s->console, "clients", kind->opens);
	else
		console_note(s->console, DRAW_PLAIN, "%s", kind->instead);
}

static bool
act(struct screen *s, enum action_id action, const char *argument)
{
	struct overview *o = s->state;

	(void)argument;
	if (list_move(&o->list, action, ROW__COUNT, ROW__COUNT))
		return true;
	if (action != ACTION_OPEN)
		return false;
	open_row(s);
	return true;
}

const struct screen_kind screen_overview = {
	.name = "overview",
	.title = "Overview",
	.size = sizeof(struct overview),
	.draw = draw,
	.act = act,
};
