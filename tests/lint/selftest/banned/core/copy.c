#include <stdlib.h>
#include <string.h>

/* strcpy(a, b) in a comment and "sprintf(" in a string are text. */
static const char *help = "strcpy(a, b)";

void *
copy_bytes(struct buf *b, const char *text)
{
	char *p = malloc(3); /* core may */

	strcpy(p, text);
	b->time(3);
	copy_time(4);
	p->signal = mem_time;
	return p;
}
