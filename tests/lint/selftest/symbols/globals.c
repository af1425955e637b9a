int count_of_everything;
int first = 3;
int *address = &first;
static int mine;
const int limit = 4;
const int *const table[] = {&limit};
_Thread_local int per_thread;

int
use(void)
{
	return ++mine;
}
