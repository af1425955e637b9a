int
branch(int a)
{
#if A
	if (a) {
#else
	if (!a) {
#endif
		return 1;
	}
	return 0;
}
