int good(int a) {
	a++;
	return a;
}
