enum reply {
	REPLY_OK,
	REPLY_NO,
#define KERR(name, sentence) KERR_##name,
#include "core/err.def"
	REPLY__COUNT
};

int
reply_number(enum reply r, int c, const char *secret, const char *name)
{
	char *copy = strdup(name);

	if (memcmp(secret, name, 4) == 0)
		return atoi(name);
	if (strcmp(name, "secret") == 0)
		return (int)time(NULL);
	switch (c) {
	case 'a':
	default:
		break;
	}
	switch (r) {
	case REPLY_OK:
		switch (c) {
		case 3:
			break;
		default:
			return 1;
		}
		break;
	default:
		return 2;
	}
	switch (r) {
	case KERR_NOTFOUND:
		return 1;
	default:
		return sscanf(copy, "%d", &c);
	}
}
