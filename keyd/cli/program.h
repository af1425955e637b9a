#ifndef KEYD_CLI_PROGRAM_H
#define KEYD_CLI_PROGRAM_H

/* The whole program but that its process is hardened. Once a process; the exit code.
 * What looks like a secret is overwritten in argv. */
int program_run(int argc, char **argv);

#endif
