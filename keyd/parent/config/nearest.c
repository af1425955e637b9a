#include "keyd/parent/config/nearest.h"

#include <string.h>

#include "keyd/role/settings.h"

#define WORD_MAX 64

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment, three rows of the table at a time. */
size_t
nearest_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = rows[i % 3];
		const size_t *before = rows[(i + 2) % 3];
		const size_t *earlier = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t same = a[i - 1] == b[j - 1] ? 0 : 1;

			now[j] = least(
				least(before[j], now[j - 1]) + 1, before[j - 1] + same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1])
				now[j] = least(now[j], earlier[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

/* A third of the letters may be wrong; of a short word one. */
static size_t
tolerance(const char *typed)
{
	size_t third = strlen(typed) / 3;

	return third ? third : 1;
}

const char *
nearest_word(const char *typed, const char *const *words)
{
	size_t best = tolerance(typed) + 1;
	const char *found = NULL;

	for (size_t i = 0; words[i]; i++) {
		size_t d = nearest_distance(typed, words[i]);

		if (d < best) {
			best = d;
			found = words[i];
		}
	}
	return found;
}

static const char *
last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

const char *
nearest_setting(const char *typed)
{
	size_t best = tolerance(typed) + 1;
	const char *found = NULL;

	for (unsigned f = 0; f < SETTINGS__COUNT; f++) {
		const char *path = settings_row((enum settings_field)f)->path;
		size_t d = nearest_distance(typed, path);

		if (strcmp(last_part(typed), last_part(path)) == 0)
			d = least(d, 1);
		if (d < best) {
			best = d;
			found = path;
		}
	}
	return found;
}
