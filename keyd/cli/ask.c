#include "keyd/cli/ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "keyd/cli/terminal.h"

#define ANSWER_SIZE 512

enum kerr
ask_confirmed(struct cli *c, const char *prompt, const char *either, const char *other)
{
	struct terminal *t;
	char answer[ANSWER_SIZE];
	enum kerr err;

	if (cli_has(c, OPTION_YES) || cli_has(c, OPTION_DRY_RUN))
		return KERR_OK;
	t = terminal_open();
	if (!t)
		return fault_set(&c->fault, KERR_INVALID, "",
			"this ends something, and there is no terminal to ask at: say "
			"--yes");
	err = terminal_line(t, prompt, answer, sizeof(answer));
	terminal_close(t);
	if (err == KERR_OK &&
		(strcmp(answer, either) == 0 || (other && strcmp(answer, other) == 0)))
		return KERR_OK;
	return fault_set(&c->fault, KERR_INVALID, "",
		"that is not what was asked for: nothing was changed");
}

enum kerr
ask_input(struct cli *c, char *out, size_t size, size_t *ret_len)
{
	size_t len = 0;
	char more;

	for (;;) {
		ssize_t n = len < size ? read(STDIN_FILENO, out + len, size - len)
				       : read(STDIN_FILENO, &more, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set(&c->fault, KERR_IO, "",
				"reading standard input failed: %s", strerror(errno));
		if (n == 0)
			break;
		if (len == size && more != '\n')
			return fault_set(&c->fault, KERR_TOO_LARGE, "",
				"standard input has more than %zu bytes", size);
		if (len < size)
			len += (size_t)n;
	}
	while (len && (out[len - 1] == '\n' || out[len - 1] == '\r'))
		len--;
	*ret_len = len;
	return KERR_OK;
}

static enum kerr
secret_of_input(struct cli *c, struct secret **ret)
{
	char *typed = sodium_malloc(SECRET_POOL_MAX_LEN);
	size_t len = 0;
	enum kerr err = typed ? ask_input(c, typed, SECRET_POOL_MAX_LEN, &len)
			      : fault_set(&c->fault, KERR_NOMEM, "", "out of memory");

	if (err == KERR_OK) {
		*ret = len ? secret_new(typed, len) : NULL;
		if (len && !*ret)
			err = fault_set(&c->fault, KERR_NOMEM, "", "out of memory");
	}
	sodium_free(typed);
	return err;
}

enum kerr
ask_secret(struct cli *c, const char *prompt, unsigned operand, struct secret **ret)
{
	struct terminal *t;
	enum kerr err;

	if (c->args.operand_count > operand &&
		strcmp(c->args.operands[operand], "-") == 0)
		return secret_of_input(c, ret);
	t = terminal_open();
	if (!t)
		return fault_set(&c->fault, KERR_NOTFOUND, "",
			"there is no terminal to ask at: pipe it in and say - for it");
	err = terminal_secret(t, prompt, false, ret);
	terminal_close(t);
	if (err == KERR_CLOSED)
		return fault_set(
			&c->fault, KERR_INVALID, "", "broken off: nothing was changed");
	return err == KERR_OK ? err : fault_set(&c->fault, err, "", "%s", kerr_text(err));
}
