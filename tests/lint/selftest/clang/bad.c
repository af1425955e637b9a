int
bad(int a)
{
	return a == a;
}

int
good(int a)
{
	return a + 1;
}
