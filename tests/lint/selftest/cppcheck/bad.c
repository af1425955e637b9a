int
bad(int a)
{
	int list[3] = {1, 2, 3};

	list[3] = a;
	return list[0];
}
