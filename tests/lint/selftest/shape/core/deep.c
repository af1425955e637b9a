int
deep(int a, struct list *l)
{
	if (a)
		for (; a; a--)
			while (a)
				LIST_FOREACH (l, x) {
					if (a)
						return 1;
				}
	return 0;
}

int
flat(int a)
{
	struct point p = {{1}, {{2}}};

	if (a == 1) {
		return 1;
	} else if (a == 2) {
		return 2;
	} else if (a == 3) {
		return 3;
	} else if (a == 4) {
		return 4;
	} else if (a == 5) {
		return use((struct point){{{1}}});
	} else {
		do {
			if (a)
				for (;;)
					a--;
		} while (a);
	}
out:
	return p.x;
}

int
many(int a, int b, int c, int d, int (*e)(int, int), int f, int g)
{
	return a + b + c + d + e(f, g);
}

int
forks(int a)
{
	if (a && a > 1 && a > 2 && a > 3 && a > 4 && a > 5 && a > 6 && a > 7 && a > 8)
		return a ? 1 : 2;
	if (a || a > 1 || a > 2 || a > 3 || a > 4 || a > 5 || a > 6 || a > 7 ||
		a > 8 || a > 9)
		return 1;
	return 0;
}

int
table(int a)
{
	switch (a) {
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
	case 13:
	case 14:
	case 15:
	case 16:
	case 17:
	case 18:
	case 19:
	case 20:
	case 21:
		return 1;
	}
	return 0;
}

START_TEST(a_test_may_take_what_check_gives)
{
	const char *wide = "0123456789012345678901234567890123456789012345678901234567890123456789";
}
END_TEST
