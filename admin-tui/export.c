#include "admin-tui/export.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/filter.h"
#include "admin-tui/value.h"
#include "core/arena.h"
#include "core/wire/json_record.h"

#define PAGE_ROWS  500
#define ARENA_MAX  ((size_t)32 << 20)
#define OUT_MAX    ((size_t)16 << 20)
#define FILE_SIZE  512
#define AFTER_SIZE 512
#define QUERY_MAX  1023

struct export
{
	struct export_from from;
	char file[FILE_SIZE];
	char after[AFTER_SIZE]; /* "": from the start */
	struct buf query;
	struct buf out; /* rows that are being written */
	size_t written; /* bytes of them */
	uv_fs_t request;
	uv_file fd;
	int64_t rows, total;
	bool last;   /* no page follows */
	bool failed; /* the file goes */
	bool busy;   /* with the file: its request is under way */
};

/* At most one. */
static struct export *running;

static void write_rows(struct export *e);

static void
free_export(struct export *e)
{
	buf_clear(&e->query);
	buf_clear(&e->out);
	running = NULL;
	mem_free(e);
}

static void
on_removed(uv_fs_t *request)
{
	struct export *e = request->data;

	uv_fs_req_cleanup(request);
	free_export(e);
}

static void
on_closed(uv_fs_t *request)
{
	struct export *e = request->data;
	struct console *c = e->from.console;

	uv_fs_req_cleanup(request);
	if (e->failed) {
		if (uv_fs_unlink(console_loop(c), request, e->file, on_removed) != 0)
			free_export(e);
		return;
	}
	console_note(c, DRAW_GOOD, "%" PRId64 " rows are in %s", e->rows, e->file);
	free_export(e);
}

static void
finish(struct export *e)
{
	e->busy = true;
	if (uv_fs_close(console_loop(e->from.console), &e->request, e->fd, on_closed) !=
		0)
		free_export(e);
}

static void
fail(struct export *e, const char *why)
{
	console_note(
		e->from.console, DRAW_BAD, "the export to %s failed: %s", e->file, why);
	e->failed = true;
	finish(e);
}

void
export_cell(struct buf *out, const char *text, size_t len)
{
	bool formula = len > 0 && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
	bool quoted = false;

	for (size_t i = 0; i < len && !quoted; i++)
		quoted = text[i] != '\0' && strchr(",\"\r\n", text[i]) != NULL;
	if (quoted)
		buf_put_u8(out, '"');
	if (formula)
		buf_put_u8(out, '\'');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			buf_put_u8(out, '"');
		buf_put_u8(out, (uint8_t)text[i]);
	}
	if (quoted)
		buf_put_u8(out, '"');
}

/* The header when r is NULL. */
static void
put_row(struct export *e, const struct record *r)
{
	const struct schema *s = e->from.schema;
	bool first = true;
	struct buf cell;

	buf_init(&cell, 65536);
	for (unsigned f = 0; f < s->count; f++) {
		if (!(s->fields[f].flags & FIELD_COLUMN))
			continue;
		if (!first)
			buf_put_u8(&e->out, ',');
		first = false;
		buf_reset(&cell);
		if (r != NULL)
			value_cell(&cell, r, f);
		else
			buf_put_text(&cell, s->fields[f].name);
		export_cell(&e->out, (const char *)cell.data, cell.len);
	}
	buf_put_text(&e->out, "\r\n");
	buf_clear(&cell);
}

static enum kerr
read_page(struct export *e, const struct api_reply *reply, struct fault *fault)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct json_list list;
	enum kerr err;

	if (arena == NULL)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	err = json_list_read(
		e->from.schema, arena, reply->body, reply->len, &list, fault);
	if (err == KERR_OK) {
		for (size_t i = 0; i < list.count; i++)
			put_row(e, list.items[i]);
		e->rows += (int64_t)list.count;
		e->total = list.total;
		e->last = list.after == NULL || strlen(list.after) >= sizeof(e->after);
		snprintf(e->after, sizeof(e->after), "%s",
			list.after != NULL ? list.after : "");
		err = buf_error(&e->out);
	}
	arena_free(arena);
	return err;
}

static void
on_page(void *with, const struct api_reply *reply)
{
	struct export *e = with;
	struct fault fault = reply->fault;

	if (reply->err != KERR_OK || read_page(e, reply, &fault) != KERR_OK) {
		fail(e, fault.text);
		return;
	}
	write_rows(e);
}

static void
ask_page(struct export *e)
{
	struct api_call call = {
		.lane = API_READ, .method = "GET", .done = on_page, .with = e};
	struct buf target;
	enum kerr err = KERR_TOO_LARGE;

	buf_init(&target, 4096);
	buf_printf(&target, "%s?limit=%d", e->from.path, PAGE_ROWS);
	if (e->from.sort[0] != '\0')
		buf_printf(&target, "&sort=%s", e->from.sort);
	if (e->after[0] != '\0')
		buf_printf(&target, "&after=%s", e->after);
	if (e->query.len > 0)
		buf_put_u8(&target, '&');
	buf_put(&target, e->query.data, e->query.len);
	call.target = buf_text(&target);
	if (call.target != NULL)
		err = api_ask(console_api(e->from.console), &call);
	buf_clear(&target);
	if (err != KERR_OK)
		fail(e, kerr_text(err));
}

static void
on_written(uv_fs_t *request)
{
	struct export *e = request->data;
	ssize_t n = request->result;

	uv_fs_req_cleanup(request);
	e->busy = false;
	if (e->failed) {
		finish(e);
		return;
	}
	if (n < 0) {
		fail(e, uv_strerror((int)n));
		return;
	}
	e->written += (size_t)n;
	write_rows(e);
}

static void
write_rows(struct export *e)
{
	uv_buf_t piece;

	if (e->written < e->out.len) {
		piece = uv_buf_init((char *)e->out.data + e->written,
			(unsigned)(e->out.len - e->written));
		e->busy = true;
		if (uv_fs_write(console_loop(e->from.console), &e->request, e->fd, &piece,
			    1, -1, on_written) != 0)
			fail(e, "no memory");
		return;
	}
	buf_reset(&e->out);
	e->written = 0;
	if (e->last) {
		finish(e);
		return;
	}
	if (e->rows > 0)
		console_note(e->from.console, DRAW_DIM,
			"exported %" PRId64 " of %" PRId64 "; e stops it", e->rows,
			e->total);
	ask_page(e);
}

static void
on_opened(uv_fs_t *request)
{
	struct export *e = request->data;
	struct console *c = e->from.console;

	e->fd = (uv_file)request->result;
	uv_fs_req_cleanup(request);
	e->busy = false;
	if (e->fd == UV_EEXIST)
		console_note(
			c, DRAW_BAD, "%s is there already: it stays as it is", e->file);
	else if (e->fd < 0)
		console_note(c, DRAW_BAD, "%s: %s", e->file, uv_strerror(e->fd));
	if (e->fd < 0)
		free_export(e);
	else if (e->failed)
		finish(e);
	else
		write_rows(e);
}

void
export_start(const struct export_from *from, const char *file)
{
	struct export *e;
	struct fault fault;

	if (running != NULL) {
		export_stop();
		return;
	}
	e = mem_new(1, sizeof(*e));
	if (e == NULL)
		return;
	running = e;
	e->from = *from;
	e->from.filter = NULL;
	e->request.data = e;
	snprintf(e->file, sizeof(e->file), "%s", file);
	buf_init(&e->query, QUERY_MAX);
	buf_init(&e->out, OUT_MAX);
	if (filter_query(from->schema, from->filter, &e->query, &fault) != KERR_OK) {
		console_fault(from->console, &fault);
		free_export(e);
		return;
	}
	put_row(e, NULL);
	e->busy = true;
	if (uv_fs_open(console_loop(from->console), &e->request, e->file,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, on_opened) != 0)
		free_export(e);
}

void
export_stop(void)
{
	struct export *e = running;

	if (e == NULL || e->failed)
		return;
	api_cancel(console_api(e->from.console), e);
	console_note(
		e->from.console, DRAW_WARN, "the export is stopped, its file removed");
	e->failed = true;
	if (!e->busy)
		finish(e);
}

/* The question for the name; lives as long as its form. */
struct asked {
	struct export_from from;
	char filter[600];
};

static void
closed(struct form *f, void *with)
{
	(void)f;
	mem_free(with);
}

static void
submit(struct form *f, void *with)
{
	struct asked *a = with;
	const char *file = form_text(f, 0);

	if (file[0] == '\0' || strlen(file) >= FILE_SIZE) {
		form_fail(f, "name a file");
		return;
	}
	a->from.filter = a->filter;
	export_start(&a->from, file);
	console_form_close(a->from.console, f);
}

void
export_ask(const struct export_from *from, const char *file)
{
	struct asked *a;
	struct form_hooks hooks = {.submit = submit, .closed = closed};
	struct form *f;

	if (running != NULL) {
		export_stop();
		return;
	}
	a = mem_new(1, sizeof(*a));
	if (a == NULL)
		return;
	a->from = *from;
	snprintf(a->filter, sizeof(a->filter), "%s", from->filter);
	hooks.with = a;
	f = form_new(&hooks);
	if (f == NULL) {
		mem_free(a);
	} else {
		form_say(f,
			" The list as it is filtered, as CSV. An existing file stays as "
			"it is.");
		form_ask(f, "File:", file, FILE_SIZE - 1, 0);
	}
	console_form(from->console, f);
}
