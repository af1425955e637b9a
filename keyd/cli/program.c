#include "keyd/cli/program.h"

#include <locale.h>

#include "core/wire/json_record.h"
#include "keyd/cli/cli.h"
#include "keyd/cli/run.h"

/* One run: arguments, then help, a request, or the command's own function. */

#define ARENA_MAX    ((size_t)64 << 20)
#define SECRET_SLOTS 8
#define HELP_MAX     65536
#define PROBLEM_MAX  65536

static int
show_help(struct cli *c)
{
	struct buf out;
	enum kerr err;

	buf_init(&out, HELP_MAX);
	if (c->args.command)
		help_put_command(&out, c->args.command);
	else
		help_put_group(&out, c->args.words);
	err = print_buf(&out);
	buf_clear(&out);
	return err == KERR_OK ? EXIT_DONE : EXIT_FAILED;
}

static int
run(struct cli *c, int argc, char **argv)
{
	static const char version[] = "keyd " KEYD_VERSION "\n";
	enum kerr err = arguments_read(argc, argv, c->arena, &c->args, &c->fault);

	if (err != KERR_OK)
		return report(c);
	if (cli_has(c, OPTION_VERSION))
		return print(version, sizeof(version) - 1) == KERR_OK ? EXIT_DONE
								      : EXIT_FAILED;
	if (cli_has(c, OPTION_HELP) || !c->args.command) {
		int code = show_help(c);

		/* Nothing was typed: that is no question for help. */
		return argc > 1 ? code : EXIT_USAGE;
	}
	return c->args.command->run ? c->args.command->run(c) : run_request(c);
}

int
program_run(int argc, char **argv)
{
	struct cli c = {0};
	enum kerr err;
	int code;

	setlocale(LC_CTYPE, "");
	buf_init(&c.problem, PROBLEM_MAX);
	json_start();
	err = secret_pool_start(SECRET_SLOTS, &c.fault);
	c.arena = arena_new(ARENA_MAX);
	if (err == KERR_OK && !c.arena)
		err = fault_set(&c.fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	code = err == KERR_OK ? run(&c, argc, argv) : report(&c);
	arguments_clear(&c.args);
	http_client_free(c.http);
	buf_clear(&c.problem);
	arena_free(c.arena);
	return code;
}
