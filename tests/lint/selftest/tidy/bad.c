#include <stdlib.h>

int
bad(int a)
{
	int *p = malloc(sizeof *p);

	if (!p)
		return 0;
	*p = a;
	if (a) {
		free(p);
		return *p;
	}
	a = *p;
	free(p);
	return a;
}
