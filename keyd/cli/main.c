/* keyd, the command line: a client of the local socket, like the console. It decides
 * nothing: who may do what is keyd's to say. */

#include <stdio.h>

#include "keyd/cli/program.h"
#include "keyd/role/start.h"

int
main(int argc, char **argv)
{
	struct fault fault;

	if (role_harden(&fault) != KERR_OK) {
		fprintf(stderr, "keyd: %s\n", fault.text);
		return 1;
	}
	return program_run(argc, argv);
}
