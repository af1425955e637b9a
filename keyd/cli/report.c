#include "keyd/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "core/wire/json_write.h"

/* What people and scripts are told when something goes wrong. */

#define LINE_MAX_ 4096

bool
cli_has(const struct cli *c, enum option o)
{
	return c->args.options[o] != NULL;
}

int
exit_of(enum kerr err, const struct command *c)
{
	switch (err) {
	case KERR_OK:
		return EXIT_DONE;
	case KERR_INVALID:
	case KERR_TOO_LARGE:
	case KERR_MISMATCH:
	case KERR_UNSUPPORTED:
		return EXIT_USAGE;
	case KERR_NOTFOUND:
		return EXIT_NOTFOUND;
	case KERR_DENIED:
	case KERR_UNKNOWN_CALLER:
		return EXIT_DENIED;
	case KERR_EXISTS:
	case KERR_CONFLICT:
	case KERR_EXPIRED:
	case KERR_NEWER:
		return EXIT_CONFLICT;
	case KERR_PHASE:
		return c && (c->flags & COMMAND_EARLY) ? EXIT_CONFLICT : EXIT_AWAY;
	case KERR_SEALED:
	case KERR_CLOSED:
	case KERR_TIMEOUT:
	case KERR_NOT_READY:
		return EXIT_AWAY;
	case KERR_BUSY:
	case KERR_TOO_MANY:
	case KERR_FULL:
		return EXIT_BUSY;
	case KERR_NOMEM:
	case KERR_IO:
	case KERR_DAMAGED:
	case KERR_PROTOCOL:
	case KERR_CRYPTO:
	case KERR_INTERNAL:
	case KERR__COUNT:
		break;
	}
	return EXIT_FAILED;
}

/* What to do next, where the sentence does not say it already; NULL: nothing. */
static const char *
next_step(const struct cli *c)
{
	switch (c->fault.err) {
	case KERR_DENIED:
		return c->fault.field[0] ? NULL
					 : "keyd status says who keyd takes you for";
	case KERR_SEALED:
		return "keyd unseal opens it";
	case KERR_NOT_READY:
		return "keyd status says what needs a person";
	case KERR_PHASE:
		return "keyd status says whether it is empty, sealed or serving";
	case KERR_FULL:
		return "make room on the disk of the state directory; find, suspend, "
		       "quarantine and revoke still work";
	case KERR_BUSY:
	case KERR_TOO_MANY:
		return "try again in a moment";
	case KERR_OK:
	case KERR_NOMEM:
	case KERR_INVALID:
	case KERR_NOTFOUND:
	case KERR_EXISTS:
	case KERR_CONFLICT:
	case KERR_UNKNOWN_CALLER:
	case KERR_TOO_LARGE:
	case KERR_IO:
	case KERR_DAMAGED:
	case KERR_CLOSED:
	case KERR_PROTOCOL:
	case KERR_CRYPTO:
	case KERR_UNSUPPORTED:
	case KERR_TIMEOUT:
	case KERR_EXPIRED:
	case KERR_MISMATCH:
	case KERR_NEWER:
	case KERR_INTERNAL:
	case KERR__COUNT:
		break;
	}
	return NULL;
}

/* The option that gives the field, else the field itself. */
static void
put_field(struct buf *out, const struct cli *c)
{
	const struct command *command = c->args.command;
	const char *name = c->fault.field;
	size_t top = strcspn(name, "[.");
	int f = command && top ? command_field(command, name, top) : -1;
	char option[64];

	if (!name[0])
		return;
	buf_put_text(out, " (");
	if (f >= 0) {
		field_option(&command->body->fields[f], option, sizeof(option));
		buf_printf(out, "--%s", option);
		name += top;
	}
	text_scrub(out, name, strlen(name));
	buf_put_u8(out, ')');
}

static void
put_sentence(struct buf *out, const struct cli *c)
{
	const char *next = next_step(c);

	buf_put_text(out, "keyd: ");
	if (c->args.command)
		buf_printf(out, "%s: ", c->args.command->words);
	text_scrub(out, c->fault.text, strlen(c->fault.text));
	put_field(out, c);
	buf_put_u8(out, '\n');
	if (c->retry_after > 1 && exit_of(c->fault.err, NULL) == EXIT_BUSY)
		buf_printf(out, "keyd: try again in %u seconds\n", c->retry_after);
	else if (next && !strstr(c->fault.text, "keyd "))
		buf_printf(out, "keyd: %s\n", next);
}

int
report(struct cli *c)
{
	struct buf out;

	if (!c->fault.text[0])
		fault_set(&c->fault, c->fault.err, c->fault.field, "%s",
			kerr_text(c->fault.err));
	buf_init(&out, 2 * LINE_MAX_);
	if (!cli_has(c, OPTION_JSON)) {
		put_sentence(&out, c);
	} else {
		if (c->problem.len)
			buf_put(&out, c->problem.data, c->problem.len);
		else
			json_problem_write(&out, 0, &c->fault);
		buf_put_u8(&out, '\n');
	}
	if (buf_error(&out) == KERR_OK)
		fwrite(out.data, 1, out.len, stderr);
	buf_clear(&out);
	return exit_of(c->fault.err, c->args.command);
}

int
report_new(struct cli *c, enum kerr err, const char *field, const char *fmt, ...)
{
	char text[sizeof(c->fault.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fault_set(&c->fault, err, field, "%s", text);
	buf_reset(&c->problem);
	c->retry_after = 0;
	c->after_send = false;
	return report(c);
}

void
remark(const char *fmt, ...)
{
	char text[1024];
	struct buf out;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&out, LINE_MAX_);
	buf_put_text(&out, "keyd: ");
	text_scrub(&out, text, strlen(text));
	buf_put_u8(&out, '\n');
	if (buf_error(&out) == KERR_OK)
		fwrite(out.data, 1, out.len, stderr);
	buf_clear(&out);
}

enum kerr
print(const void *bytes, size_t len)
{
	/* Unbuffered by stdio, whose memory nobody would wipe. */
	const char *p = bytes;

	while (len) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0)
			return KERR_IO;
		p += n;
		len -= (size_t)n;
	}
	return KERR_OK;
}

enum kerr
print_buf(const struct buf *b)
{
	enum kerr err = buf_error(b);

	return err == KERR_OK ? print(b->data, b->len) : err;
}
