#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "core/credential.h"
#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/cli/ask.h"
#include "keyd/cli/call.h"
#include "keyd/cli/request.h"
#include "keyd/cli/run.h"
#include "keyd/cli/terminal.h"
#include "keyd/parent/config/config.h"

/* What needs no keyd that runs, or only a little beside a request. */

#define SHOW_MAX ((size_t)1 << 20)

int
run_serve(struct cli *c)
{
	char path[4096];
	const char *argv[5] = {"keyd-parent", "--config", config_path(c)};
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n < 0)
		return report_new(c, KERR_IO, "", "/proc/self/exe: %s; is /proc mounted?",
			strerror(errno));
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + sizeof("keyd-parent") > sizeof(path))
		return report_new(c, KERR_IO, "", "the path of this program is too long");
	memcpy(slash + 1, "keyd-parent", sizeof("keyd-parent"));
	if (cli_has(c, OPTION_FOREGROUND))
		argv[3] = "--foreground";
	execv(path, (char *const *)(uintptr_t)argv);
	return report_new(
		c, KERR_IO, "", "%.200s cannot be started: %s", path, strerror(errno));
}

static int
load_config(struct cli *c, struct record **ret)
{
	enum kerr err = config_load(config_path(c), c->arena, ret, &c->fault);

	return err == KERR_OK ? EXIT_DONE : report(c);
}

int
run_config_check(struct cli *c)
{
	struct record *settings;
	int code = load_config(c, &settings);

	return code == EXIT_DONE ? show_done(c, "%.200s is good", config_path(c)) : code;
}

int
run_config_show(struct cli *c)
{
	struct record *settings;
	struct buf out;
	int code = load_config(c, &settings);
	enum kerr err;

	if (code != EXIT_DONE)
		return code;
	if (cli_has(c, OPTION_JSON))
		return show_record(c, settings);
	buf_init(&out, SHOW_MAX);
	config_show(settings, &out);
	err = print_buf(&out);
	buf_clear(&out);
	return err == KERR_OK
		       ? EXIT_DONE
		       : report_new(c, err, "", "writing to standard output failed");
}

/* Both spellings of the answer, for people and for scripts. */
static int
say_form(struct cli *c, const char *form, int group, const char *sentence)
{
	struct buf out;
	enum kerr err;

	buf_init(&out, 512);
	if (cli_has(c, OPTION_JSON)) {
		buf_put_u8(&out, '{');
		json_put_member(&out, true, "form", form);
		if (group > 0)
			buf_printf(&out, ",\"wrong_group\":%d", group);
		buf_put_text(&out, "}\n");
	} else {
		buf_printf(&out, "%s\n", sentence);
	}
	err = print_buf(&out);
	buf_clear(&out);
	return err == KERR_OK ? EXIT_DONE : EXIT_FAILED;
}

static int
say_secret(struct cli *c, const char *typed, size_t len)
{
	char key[CREDENTIAL_KEY_LEN + 1], text[160];
	int group = 0, code;

	switch (credential_secret_read(typed, len, NULL, &group)) {
	case CREDENTIAL_SECRET:
		return say_form(c, "secret", 0, "it is a well-formed secret");
	case CREDENTIAL_TYPING_ERROR:
		snprintf(text, sizeof(text),
			group ? "it has a typing error in group %d of 13, counted behind "
				"kds_"
			      : "groups are missing or too many: a secret has 13 behind "
				"kds_",
			group);
		code = say_form(c, "typing-error", group, text);
		return code == EXIT_DONE ? EXIT_USAGE : code;
	case CREDENTIAL_NOT_A_SECRET:
		break;
	}
	if (credential_key_canonical(typed, len, key) == KERR_OK)
		code = say_form(c, "key", 0, "it is a key, not a secret");
	else
		code = say_form(c, "none", 0, "it has not the form of a secret of keyd");
	return code == EXIT_DONE ? EXIT_USAGE : code;
}

int
run_secret_check(struct cli *c)
{
	char *typed = sodium_malloc(SECRET_POOL_MAX_LEN);
	struct terminal *t = isatty(STDIN_FILENO) ? terminal_open() : NULL;
	size_t len = 0;
	enum kerr err = KERR_NOMEM;
	int code;

	if (typed && strcmp(c->args.operands[0], "-") != 0)
		err = fault_set(&c->fault, KERR_INVALID, "",
			"the secret is not an argument: say -, and it is asked for");
	else if (typed && t)
		err = terminal_paste(
			t, "Secret: ", false, typed, SECRET_POOL_MAX_LEN, &len);
	else if (typed)
		err = ask_input(c, typed, SECRET_POOL_MAX_LEN, &len);
	terminal_close(t);
	if (err == KERR_OK) {
		code = say_secret(c, typed, len);
	} else {
		c->fault.err = err;
		code = report(c);
	}
	sodium_free(typed);
	return code;
}

int
run_operator_add(struct cli *c)
{
	struct record *body = c->args.body;
	const char *name = record_text(body, OPERATOR_USER);
	const struct passwd *pw;

	if (record_has(body, OPERATOR_USER) && !record_has(body, OPERATOR_UID)) {
		pw = getpwnam(name);
		if (!pw)
			return report_new(c, KERR_INVALID, "user",
				"this machine has no user %.32s", name);
		record_set_int(body, OPERATOR_UID, (int64_t)pw->pw_uid);
	}
	return request_check(c) == KERR_OK ? run_request(c) : report(c);
}
