#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/model/model.h"
#include "core/trail/file.h"
#include "keyd/cli/call.h"
#include "keyd/cli/file.h"
#include "keyd/cli/progress.h"
#include "keyd/cli/request.h"
#include "keyd/cli/run.h"
#include "keyd/cli/stream.h"

/* The audit chain: checked in place or as an exported file, and exported. */

#define TEXT_MAX_ 4096
#define STEP_MS   10

static int
exit_of_verdict(const struct record *answer)
{
	return record_int(answer, AUDIT_VERIFY_VERDICT) == AUDIT_VERDICT_BROKEN
		       ? EXIT_FAILED
		       : EXIT_DONE;
}

/* What was found, in the words of keyd's own answer. Without heads from elsewhere nobody
 * knows whether the end was cut off, so a good file is consistent, not complete. */
static enum kerr
put_verdict(const struct trail *t, struct record *answer)
{
	struct buf text;
	enum kerr err = KERR_NOMEM;
	const char *sentence;

	buf_init(&text, TEXT_MAX_);
	trail_summary(t, &text);
	sentence = buf_text(&text);
	record_set_int(answer, AUDIT_VERIFY_FIRST, (int64_t)t->first);
	record_set_int(answer, AUDIT_VERIFY_LAST, (int64_t)t->at.seq);
	record_set_int(answer, AUDIT_VERIFY_HEADS, (int64_t)t->heads);
	record_set_int(answer, AUDIT_VERIFY_VERDICT,
		t->wrong ? AUDIT_VERDICT_BROKEN : AUDIT_VERDICT_CONSISTENT);
	if (t->wrong)
		record_set_int(answer, AUDIT_VERIFY_AT, (int64_t)t->wrong);
	if (sentence)
		err = record_set_text(answer, AUDIT_VERIFY_TEXT, sentence);
	buf_clear(&text);
	return err;
}

struct checking {
	struct trail_file *file;
	struct trail *trail;
	enum kerr err;
	atomic_bool done;
};

static void *
check(void *with)
{
	struct checking *k = with;

	k->err = trail_file_check(k->file, NULL, k->trail);
	atomic_store(&k->done, true);
	return NULL;
}

/* In a thread of its own, so that this one can say how far it is. */
static enum kerr
check_file(struct trail_file *file, struct trail *t, int fd, uint64_t len)
{
	struct checking k = {.file = file, .trail = t};
	struct progress p;
	pthread_t thread;

	if (pthread_create(&thread, NULL, check, &k) != 0) {
		check(&k);
		return k.err;
	}
	progress_start(&p, "checking");
	while (!atomic_load(&k.done)) {
		off_t at = lseek(fd, 0, SEEK_CUR);

		poll(NULL, 0, STEP_MS);
		progress_step(&p, at > 0 ? (uint64_t)at : 0, len);
	}
	progress_end(&p);
	pthread_join(thread, NULL);
	return k.err;
}

static int
verify_file(struct cli *c, const char *path)
{
	struct record *answer = record_new(c->arena, &audit_verify_schema);
	struct trail_file *file = NULL;
	struct trail *t = mem_new(1, sizeof(*t));
	uint64_t len;
	int fd = -1, code;
	enum kerr err = file_open(path, &fd, &len, &c->fault);

	if (err == KERR_OK) {
		file = trail_file_new(fd);
		err = t && answer && file ? check_file(file, t, fd, len) : KERR_NOMEM;
		if (err == KERR_DAMAGED)
			err = KERR_OK;
		if (err == KERR_OK)
			err = put_verdict(t, answer);
		if (err != KERR_OK)
			fault_set(&c->fault, err, "", "%.200s: %s", path, kerr_text(err));
	}
	code = err == KERR_OK ? show_record(c, answer) : report(c);
	if (code == EXIT_DONE)
		code = exit_of_verdict(answer);
	trail_file_free(file);
	mem_free(t);
	if (fd >= 0)
		close(fd);
	return code;
}

int
run_audit_verify(struct cli *c)
{
	struct record *answer;
	const uint8_t *body;
	size_t len;
	int code;

	if (c->args.operand_count)
		return verify_file(c, c->args.operands[0]);
	if (request_send(c, &body, &len) != KERR_OK ||
		read_answer(c, &audit_verify_schema, body, len, &answer) != KERR_OK)
		return report(c);
	code = show_answer(c, body, len);
	return code == EXIT_DONE ? exit_of_verdict(answer) : code;
}

int
run_audit_export(struct cli *c)
{
	struct new_file file = {.fd = -1};
	struct stream s = {.method = "GET",
		.target = c->args.command->path,
		.in = -1,
		.out = &file,
		.what = "exporting"};
	const char *path = c->args.operand_count ? c->args.operands[0] : NULL;
	enum kerr err = KERR_OK;

	if (path)
		err = file_create(path, &file, &c->fault);
	if (err == KERR_OK)
		err = stream_call(c, &s, NULL);
	if (err == KERR_OK && path)
		err = file_finish(&file, &c->fault);
	file_drop(&file);
	if (err != KERR_OK)
		return report(c);
	return path ? show_done(c,
			      "the audit chain is in %.200s; keyd audit verify reads it",
			      path)
		    : EXIT_DONE;
}
