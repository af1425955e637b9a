#include "core/err.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 32

static const char *const sentences[KERR__COUNT] = {
#define KERR(name, sentence) [KERR_##name] = (sentence),
#include "core/err.def"
#undef KERR
};

/* Filled once from the enumerators' own spelling, so that no name can drift from its
 * number. */
static char names[KERR__COUNT][NAME_SIZE] = {
#define KERR(name, sentence) [KERR_##name] = #name,
#include "core/err.def"
#undef KERR
};
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void
names_fill(void)
{
	for (size_t i = 0; i < KERR__COUNT; i++) {
		for (char *p = names[i]; *p != '\0'; p++) {
			if (*p == '_')
				*p = '-';
			else if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		}
	}
}

const char *
kerr_name(enum kerr err)
{
	/* Numbers come out of frames too: the range is not a matter of the type. */
	if ((unsigned)err >= KERR__COUNT)
		return "unknown";
	pthread_once(&names_once, names_fill);
	return names[err];
}

const char *
kerr_text(enum kerr err)
{
	if ((unsigned)err >= KERR__COUNT)
		return "an unknown failure";
	return sentences[err];
}

enum kerr
fault_set(struct fault *fault, enum kerr err, const char *field, const char *fmt, ...)
{
	va_list args;

	if (fault == NULL)
		return err;
	memset(fault, 0, sizeof(*fault));
	fault->err = err;
	snprintf(fault->field, sizeof(fault->field), "%s", field != NULL ? field : "");
	va_start(args, fmt);
	vsnprintf(fault->text, sizeof(fault->text), fmt, args);
	va_end(args);
	return err;
}
