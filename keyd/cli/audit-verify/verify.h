#ifndef KEYD_CLI_AUDIT_VERIFY_VERIFY_H
#define KEYD_CLI_AUDIT_VERIFY_VERIFY_H

#include <stdio.h>

enum verify_exit {
	VERIFY_SOUND = 0,  /* complete, or consistent where no heads were given */
	VERIFY_BROKEN = 1, /* a record was changed, dropped, doubled, moved or cut off */
	VERIFY_FAILED = 2, /* the question was wrong, or a file could not be read */
};

/* The whole program: reads what the arguments name, writes the verdict to out and what
 * keeps it from one to err. Returns the exit status. */
enum verify_exit verify_run(int argc, char **argv, FILE *out, FILE *err);

#endif
