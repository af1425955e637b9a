#include "core/place.h"

#include <stdarg.h>
#include <stdio.h>

/* Returns how many bytes the path has; more than size when it was cut. */
static size_t
write_place(const struct place *at, char *out, size_t size)
{
	size_t used = at->outer ? write_place(at->outer, out, size) : 0;
	int n;

	if (used >= size)
		return used;
	if (at->outer)
		n = snprintf(
			out + used, size - used, "[%zu].%s", at->outer->index, at->name);
	else
		n = snprintf(out + used, size - used, "%s", at->name);
	return n < 0 ? used : used + (size_t)n;
}

void
place_text(const struct place *at, char *out, size_t size)
{
	out[0] = '\0';
	write_place(at, out, size);
}

enum kerr
place_refuse(const struct place *at, struct fault *fault, const char *fmt, ...)
{
	struct fault said;
	va_list ap;

	place_text(at, said.field, sizeof(said.field));
	va_start(ap, fmt);
	vsnprintf(said.text, sizeof(said.text), fmt, ap);
	va_end(ap);
	return fault_set(fault, KERR_INVALID, said.field, "%s", said.text);
}

enum kerr
place_refuse_word(const struct place *at, struct fault *fault, const char *const *words)
{
	char text[256];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; words[i] && used < sizeof(text); i++) {
		int n = snprintf(text + used, sizeof(text) - used, "%s %s", i ? "," : "",
			words[i]);

		used += n > 0 ? (size_t)n : 0;
	}
	return place_refuse(at, fault, "must be one of%s", text);
}
