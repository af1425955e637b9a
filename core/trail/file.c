#include "core/trail/file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"

#define HEADER   "keyd-audit-export 1"
#define NOTE     "keyd audit "
#define LINE_MAX (TRAIL_LINE_MAX + TRAIL_HASH_TEXT + 1)
#define CAPACITY (256 * 1024)
_Static_assert(CAPACITY > 2 * LINE_MAX, "a piece fits, whatever stands before it");

struct trail_file {
	int fd;
	bool ended; /* nothing more to read */
	bool begun; /* something was taken */
	bool live;  /* being written */
	size_t at, len;
	char bytes[CAPACITY];
};

struct trail_file *
trail_file_new(int fd)
{
	struct trail_file *f = mem_new(1, sizeof(*f));

	if (f != NULL)
		f->fd = fd;
	return f;
}

void
trail_file_free(struct trail_file *f)
{
	mem_free(f);
}

void
trail_file_is_live(struct trail_file *f)
{
	f->live = true;
}

/* Has a whole piece in the buffer, or all that is left. */
static enum kerr
fill(struct trail_file *f)
{
	if (f->ended || f->len - f->at >= LINE_MAX)
		return KERR_OK;
	memmove(f->bytes, f->bytes + f->at, f->len - f->at);
	f->len -= f->at;
	f->at = 0;
	while (f->len < sizeof(f->bytes)) {
		ssize_t n = read(f->fd, f->bytes + f->len, sizeof(f->bytes) - f->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return KERR_IO;
		if (n == 0) {
			f->ended = true;
			break;
		}
		f->len += (size_t)n;
	}
	return KERR_OK;
}

static bool
begins(struct trail_text text, const char *word)
{
	size_t len = strlen(word);

	return text.len >= len && memcmp(text.p, word, len) == 0;
}

/* A head, or what a broken write left of one, be it a part of its first word. */
static bool
is_note(struct trail_text rest)
{
	size_t same = 0;

	while (same < rest.len && same < sizeof(NOTE) - 1 && rest.p[same] == NOTE[same])
		same++;
	rest.p += same;
	rest.len -= same;
	return same == sizeof(NOTE) - 1 || begins(rest, "\n~\n\n") ||
	       (same == 0 && begins(rest, "~\n"));
}

static enum kerr
take_note(struct trail_file *f, struct trail_text rest, struct trail_text *ret)
{
	size_t before = rest.len;
	enum kerr err = note_next(&rest, ret);

	if (err == KERR_OK || err == KERR_NOTFOUND)
		f->at += err == KERR_OK ? before - rest.len : before;
	if (err == KERR_INVALID && f->live && f->ended && rest.len < NOTE_MAX)
		return KERR_NOTFOUND;
	return err;
}

static enum kerr
take_line(struct trail_file *f, struct trail_text rest, struct trail_text *ret)
{
	const char *end = memchr(rest.p, '\n', rest.len < LINE_MAX ? rest.len : LINE_MAX);

	if (end == NULL)
		return f->live && f->ended ? KERR_NOTFOUND : KERR_INVALID;
	*ret = (struct trail_text){rest.p, (size_t)(end - rest.p)};
	f->at += ret->len + 1;
	return KERR_OK;
}

enum kerr
trail_file_next(struct trail_file *f, enum trail_item *ret_item, struct trail_text *ret)
{
	for (;;) {
		struct trail_text rest;
		bool first = !f->begun;
		enum kerr err = fill(f);

		if (err != KERR_OK)
			return err;
		rest = (struct trail_text){f->bytes + f->at, f->len - f->at};
		if (rest.len == 0)
			return KERR_NOTFOUND;
		f->begun = true;
		if (is_note(rest)) {
			*ret_item = TRAIL_ITEM_NOTE;
			return take_note(f, rest, ret);
		}
		err = take_line(f, rest, ret);
		if (err != KERR_OK)
			return err;
		*ret_item = first && begins(*ret, HEADER) ? TRAIL_ITEM_HEADER
							  : TRAIL_ITEM_RECORD;
		if (ret->len > 0 && ret->p[ret->len - 1] == '~')
			continue;
		return KERR_OK;
	}
}

void
trail_put_header(struct buf *out, const struct trail_header *h)
{
	buf_printf(out,
		HEADER "\tdeployment=%s\tfirst=%" PRIu64 "\tlast=%" PRIu64
		       "\theads=%" PRIu64 "\n",
		h->deployment, h->first, h->last, h->heads);
}

static uint64_t
header_number(struct trail_text line, const char *name)
{
	struct trail_text text;
	uint64_t n = 0;

	if (!trail_find(line, name, &text) || trail_number(text, &n) != KERR_OK)
		return 0;
	return n;
}

enum kerr
trail_read_header(struct trail_text line, struct trail_header *ret)
{
	struct trail_header h = {.first = 0};
	struct trail_text fields, text;
	struct buf again;
	bool same;

	if (!begins(line, HEADER "\t"))
		return KERR_INVALID;
	fields = (struct trail_text){line.p + sizeof(HEADER), line.len - sizeof(HEADER)};
	if (!trail_find(fields, "deployment", &text) ||
		text.len != sizeof(h.deployment) - 1)
		return KERR_INVALID;
	memcpy(h.deployment, text.p, text.len);
	h.first = header_number(fields, "first");
	h.last = header_number(fields, "last");
	h.heads = header_number(fields, "heads");
	/* one form only, so that no bit of it can be another */
	buf_init(&again, 512);
	trail_put_header(&again, &h);
	same = buf_error(&again) == KERR_OK && again.len == line.len + 1 &&
	       memcmp(again.data, line.p, line.len) == 0;
	buf_clear(&again);
	if (!same || h.first == 0 || h.last == 0)
		return KERR_INVALID;
	*ret = h;
	return KERR_OK;
}
