#ifndef KEYD_CORE_LOG_H
#define KEYD_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

/* Structured log lines to standard error: one JSON object or one text line an event.
 * Only role loops and operations log, once an event, with the request id; values are
 * scrubbed. A secret has no way in: there is no constructor of a log value that takes
 * one. */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_value {
	const char *name;
	const char *text; /* NULL: number is the value */
	int64_t number;
};
#define LOG_TEXT(n, t) ((struct log_value){.name = (n), .text = (t)})
#define LOG_NUM(n, v)  ((struct log_value){.name = (n), .number = (v)})

/* role names the process ("front"); json chooses the form; lines above level are
 * dropped. */
void log_start(const char *role, enum log_level level, bool json);
/* event is a fixed word with hyphens ("peer-ended"); request is its id in hexadecimal,
 * "" when there is none. */
void log_event(enum log_level level, const char *event, const char *request,
	const struct log_value *values, unsigned count);
#define log_write(level, event, request, ...)                                            \
	log_event((level), (event), (request), (const struct log_value[]){__VA_ARGS__},  \
		sizeof((const struct log_value[]){__VA_ARGS__}) /                        \
			sizeof(struct log_value))

#endif
