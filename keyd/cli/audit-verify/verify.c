#include "keyd/cli/audit-verify/verify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "core/trail/file.h"

#define HEADS_MAX 256

static const char usage[] =
	"usage: keyd-audit-verify [--json] [--heads FILE]... LOG\n"
	"\n"
	"Verifies an audit log without keyd and without a key, and names the first "
	"record\n"
	"that was changed, dropped, doubled or moved.\n"
	"\n"
	"  LOG           what `keyd audit export` wrote, or a records-*.log of the "
	"audit\n"
	"                sink; - reads standard input\n"
	"  --heads FILE  a heads-*.log of the audit sink, or heads kept elsewhere, "
	"taken\n"
	"                before the export was made. Only with these can it be said "
	"that\n"
	"                nothing was cut off the end. Of several segments: each with "
	"one\n"
	"  --json        the verdict as an object\n"
	"\n"
	"  keyd audit export > audit.log\n"
	"  keyd-audit-verify --heads /mnt/witness/heads-4f…e1.1.0a1b2c3d.log audit.log\n"
	"\n"
	"Exit status: 0 complete or consistent, 1 broken, 2 not verified.\n";

struct source {
	int fd;
	uint64_t first; /* heads: of the segment that the first of them names */
	struct trail_file *file;
};

struct question {
	bool json;
	const char *log;
	const char *heads[HEADS_MAX];
	size_t count;
};

static void
put_scrubbed(FILE *to, const char *text)
{
	struct buf plain;
	const char *shown;

	buf_init(&plain, 64 * 1024);
	text_scrub(&plain, text, strlen(text));
	shown = buf_text(&plain);
	(void)fputs(shown != NULL ? shown : "…", to);
	buf_clear(&plain);
}

static bool
complain(FILE *err, const char *what, const char *about)
{
	(void)fprintf(err, "keyd-audit-verify: %s", what);
	if (about != NULL) {
		(void)fputs(": ", err);
		put_scrubbed(err, about);
	}
	(void)fputs("\n", err);
	return false;
}

static bool
read_arguments(int argc, char **argv, struct question *q, FILE *err)
{
	bool options = true;

	*q = (struct question){.log = NULL};
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (options && strcmp(arg, "--") == 0) {
			options = false;
		} else if (options && strcmp(arg, "--json") == 0) {
			q->json = true;
		} else if (options && strcmp(arg, "--heads") == 0) {
			if (++i == argc)
				return complain(err, "--heads needs a file", NULL);
			if (q->count == HEADS_MAX)
				return complain(err, "too many files of heads", argv[i]);
			q->heads[q->count++] = argv[i];
		} else if (options && arg[0] == '-' && arg[1] != '\0') {
			return complain(err, "no such option", arg);
		} else if (q->log != NULL) {
			return complain(err, "one log at a time", arg);
		} else {
			q->log = arg;
		}
	}
	return q->log != NULL || complain(err, "which log? Try --help", NULL);
}

static bool
open_source(const char *path, struct source *s, FILE *err)
{
	s->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
				       : open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0)
		return complain(err, "cannot be read", path);
	s->file = trail_file_new(s->fd);
	if (s->file == NULL)
		return complain(err, "out of memory", NULL);
	return true;
}

static void
close_source(struct source *s)
{
	trail_file_free(s->file);
	if (s->fd >= 0)
		close(s->fd);
}

/* Which segment they are of, to have several files in order. */
static bool
open_heads(const char *path, struct source *s, FILE *err)
{
	struct trail_text text, name;
	enum trail_item item;
	struct note n;

	if (!open_source(path, s, err))
		return false;
	if (trail_file_next(s->file, &item, &text) == KERR_OK &&
		item == TRAIL_ITEM_NOTE && note_read(text, &n) == KERR_OK) {
		name = (struct trail_text){n.segment, strlen(n.segment)};
		if (trail_segment_first(name, &s->first) != KERR_OK)
			s->first = 0;
	}
	trail_file_free(s->file);
	s->file = NULL;
	if (lseek(s->fd, 0, SEEK_SET) != 0)
		return complain(err, "heads must be in a file", path);
	s->file = trail_file_new(s->fd);
	return s->file != NULL || complain(err, "out of memory", NULL);
}

static void
sort_heads(struct source *s, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct source one = s[i];
		size_t k = i;

		for (; k > 0 && s[k - 1].first > one.first; k--)
			s[k] = s[k - 1];
		s[k] = one;
	}
}

static void
tell(const struct trail *t, bool json, FILE *out)
{
	const char *verdict = t->wrong != 0         ? "broken"
			      : t->witness.seq != 0 ? "complete"
						    : "consistent";
	struct buf text;
	const char *sentence;

	buf_init(&text, 1024);
	trail_summary(t, &text);
	sentence = buf_text(&text) != NULL ? buf_text(&text) : "";
	if (json) {
		/* the sentences have numbers and words of ours only */
		(void)fprintf(out,
			"{\"verdict\":\"%s\",\"first\":%" PRIu64 ",\"last\":%" PRIu64
			",\"heads\":%" PRIu64 ",\"at\":%" PRIu64 ",\"text\":\"%s\"}\n",
			verdict, t->first, t->at.seq, t->heads, t->wrong, sentence);
	} else if (t->wrong != 0) {
		(void)fprintf(
			out, "broken at record %" PRIu64 ": %s\n", t->wrong, sentence);
	} else {
		(void)fprintf(out,
			"%s: %" PRIu64 " records, %" PRIu64 " signed heads; %s\n",
			verdict, t->records, t->heads, sentence);
	}
	buf_clear(&text);
}

static enum verify_exit
verify(const struct question *q, struct source *log, struct source *heads, FILE *out,
	FILE *err)
{
	struct trail_file *files[HEADS_MAX];
	struct trail_witness witness = {.files = files, .count = q->count};
	struct trail trail = {.first = 0};
	enum kerr result;

	for (size_t i = 0; i < q->count; i++) {
		if (!open_heads(q->heads[i], &heads[i], err))
			return VERIFY_FAILED;
	}
	sort_heads(heads, q->count);
	for (size_t i = 0; i < q->count; i++)
		files[i] = heads[i].file;
	if (!open_source(q->log, log, err))
		return VERIFY_FAILED;
	result = trail_file_check(log->file, q->count > 0 ? &witness : NULL, &trail);
	if (result != KERR_OK && trail.wrong == 0) {
		(void)complain(err, kerr_text(result), q->log);
		return VERIFY_FAILED;
	}
	tell(&trail, q->json, out);
	return trail.wrong != 0 ? VERIFY_BROKEN : VERIFY_SOUND;
}

enum verify_exit
verify_run(int argc, char **argv, FILE *out, FILE *err)
{
	struct source log = {.fd = -1}, heads[HEADS_MAX];
	struct question q;
	enum verify_exit result;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			(void)fputs(usage, out);
			return VERIFY_SOUND;
		}
	}
	if (sodium_init() < 0) {
		(void)complain(err, "libsodium cannot be used", NULL);
		return VERIFY_FAILED;
	}
	if (!read_arguments(argc, argv, &q, err))
		return VERIFY_FAILED;
	for (size_t i = 0; i < HEADS_MAX; i++)
		heads[i] = (struct source){.fd = -1};
	result = verify(&q, &log, heads, out, err);
	close_source(&log);
	for (size_t i = 0; i < HEADS_MAX; i++)
		close_source(&heads[i]);
	if (fflush(out) != 0)
		return VERIFY_FAILED;
	return result;
}
