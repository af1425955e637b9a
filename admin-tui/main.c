/* admin-tui: the console of keyd, a client of its local socket. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "admin-tui/console.h"
#include "core/clock.h"
#include "core/secret.h"
#include "core/wire/json_record.h"

#define SOCKET_PRESET "/run/keyd/keyd.sock"
#define SECRET_SLOTS  16

static const char usage[] =
	"Usage: admin-tui [--socket PATH]\n"
	"\n"
	"The console of keyd in a terminal: overview, find, clients, audit.\n"
	"\n"
	"  --socket PATH  keyd's local socket (else KEYD_SOCKET, else " SOCKET_PRESET
	")\n"
	"  --help         this\n"
	"\n"
	"In the console ? shows every key. Environment: NO_COLOR=1 no colours,\n"
	"KEYD_ASCII=1 nothing but ASCII.\n"
	"\n"
	"Example: ssh -t keyd.example.org admin-tui\n";

/* False: the arguments are no good, or all is said already (*ret_status). */
static bool
read_arguments(int argc, char **argv, const char **ret_socket, int *ret_status)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 's') {
			*ret_socket = optarg;
			continue;
		}
		*ret_status = option == 'h' ? EXIT_SUCCESS : 2;
		fputs(usage, option == 'h' ? stdout : stderr);
		return false;
	}
	if (optind < argc) {
		*ret_status = 2;
		fputs(usage, stderr);
		return false;
	}
	return true;
}

/* Secrets pass through here: no core, and nobody of the same user looks in. The leak
 * checker of sanitizer builds, which are never jailed, must. */
static void
close_memory(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	if (KEYD_SANDBOX)
		prctl(PR_SET_DUMPABLE, 0);
}

int
main(int argc, char **argv)
{
	const char *socket = getenv("KEYD_SOCKET");
	struct fault fault = {0};
	int status = EXIT_SUCCESS;

	if (socket == NULL || socket[0] == '\0')
		socket = SOCKET_PRESET;
	if (!read_arguments(argc, argv, &socket, &status))
		return status;
	close_memory();
	clock_start(0);
	json_start();
	if (secret_pool_start(SECRET_SLOTS, &fault) == KERR_OK &&
		console_run(socket, &fault) == KERR_OK)
		return EXIT_SUCCESS;
	fprintf(stderr, "admin-tui: %s\n",
		fault.text[0] != '\0' ? fault.text : kerr_text(fault.err));
	return EXIT_FAILURE;
}
