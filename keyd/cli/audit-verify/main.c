#include "keyd/cli/audit-verify/verify.h"

int
main(int argc, char **argv)
{
	return (int)verify_run(argc, argv, stdout, stderr);
}
