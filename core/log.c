#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/text.h"

/* PIPE_BUF: what fits is written in one piece, also when several processes share the
 * pipe. */
#define LINE_MAX_LEN 4096
/* What may still follow when there is no room for more: the value's quote, the mark,
 * the end. */
#define TAIL_LEN     24
#define PLAIN_MAX    256 /* longer values are quoted, and so may be cut inside */

struct line {
	size_t len;
	bool cut;
	char text[LINE_MAX_LEN];
};

static struct {
	char role[16];
	atomic_int level;
	atomic_bool json;
} settings = {.role = "keyd", .level = LOG_INFO};

void
log_start(const char *role, enum log_level level, bool json)
{
	snprintf(settings.role, sizeof(settings.role), "%s", role);
	atomic_store(&settings.level, (int)level);
	atomic_store(&settings.json, json);
}

static const char *
level_name(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error";
	case LOG_WARN:
		return "warn";
	case LOG_INFO:
		return "info";
	case LOG_DEBUG:
		return "debug";
	}
	return "error";
}

/* All of it or nothing; after the first that does not fit nothing follows but the
 * tail. */
static void
put(struct line *line, const char *text, size_t len)
{
	if (line->cut || line->len + len > LINE_MAX_LEN - TAIL_LEN) {
		line->cut = true;
		return;
	}
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

static void
put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static void
put_tail(struct line *line, const char *text)
{
	size_t len = strlen(text);

	memcpy(line->text + line->len, text, len);
	line->len += len;
}

/* A character that may not be shown, as JSON says it (RFC 8259 §7), in both forms of
 * line. */
static void
put_hidden(struct line *line, uint32_t c)
{
	char out[16];

	if (c < 0x10000)
		snprintf(out, sizeof(out), "\\u%04x", (unsigned)c);
	else
		snprintf(out, sizeof(out), "\\u%04x\\u%04x",
			(unsigned)(0xd800 + ((c - 0x10000) >> 10)),
			(unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
	put_text(line, out);
}

/* Opens and closes its quotes always, so that a line that was cut still is JSON. */
static void
put_quoted(struct line *line, const char *text)
{
	size_t len = strlen(text), at = 0;

	put(line, "\"", 1);
	if (line->cut)
		return;
	while (at < len && !line->cut) {
		uint32_t c = 0;
		bool hidden = false;
		size_t n = text_next(text + at, len - at, &c, &hidden);
		char bad[8];

		if (n == 0) {
			snprintf(bad, sizeof(bad), "\\\\x%02x", (unsigned char)text[at]);
			put_text(line, bad);
			n = 1;
		} else if (hidden) {
			put_hidden(line, c);
		} else if (c == '"' || c == '\\') {
			put(line, c == '"' ? "\\\"" : "\\\\", 2);
		} else {
			put(line, text + at, n);
		}
		at += n;
	}
	put_tail(line, "\"");
}

/* A text form's value needs no quotes when nothing in it can be mistaken. */
static bool
is_plain(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= PLAIN_MAX &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789._:/@+-") == len;
}

static void
put_field(struct line *line, bool json, const char *name, const struct log_value *value)
{
	char number[24];
	size_t before = line->len;
	bool quoted = value->text != NULL && (json || !is_plain(value->text));

	if (json) {
		put_text(line, line->len == 1 ? "" : ",");
		put_quoted(line, name);
		put_text(line, ":");
	} else {
		put_text(line, " ");
		put_text(line, name);
		put_text(line, "=");
	}
	/* A name without a value would be no JSON: the field goes as a whole. */
	if (line->cut || line->len + TAIL_LEN + sizeof(number) > LINE_MAX_LEN) {
		line->cut = true;
		line->len = before;
		return;
	}
	if (quoted) {
		put_quoted(line, value->text);
	} else if (value->text != NULL) {
		put_text(line, value->text);
	} else {
		snprintf(number, sizeof(number), "%lld", (long long)value->number);
		put_text(line, number);
	}
}

static void
put_head(struct line *line, bool json, enum log_level level, const char *event)
{
	char now[CLOCK_TEXT_SIZE], who[48];

	clock_text(clock_now(), now);
	if (!json) {
		snprintf(who, sizeof(who), " %s %s[%ld] ", level_name(level),
			settings.role, (long)getpid());
		put_text(line, now);
		put_text(line, who);
		put_text(line, event);
		return;
	}
	put_text(line, "{");
	put_field(line, json, "time", &LOG_TEXT("", now));
	put_field(line, json, "level", &LOG_TEXT("", level_name(level)));
	put_field(line, json, "role", &LOG_TEXT("", settings.role));
	put_field(line, json, "pid", &LOG_NUM("", getpid()));
	put_field(line, json, "event", &LOG_TEXT("", event));
}

static void
write_line(enum log_level level, const char *event, const char *request,
	const struct log_value *values, unsigned count)
{
	bool json = atomic_load(&settings.json);
	struct line line;
	ssize_t n;

	line.len = 0;
	line.cut = false;
	put_head(&line, json, level, event);
	if (request != NULL && request[0] != '\0')
		put_field(&line, json, "request", &LOG_TEXT("", request));
	for (unsigned i = 0; i < count && !line.cut; i++)
		put_field(&line, json, values[i].name, &values[i]);
	if (line.cut)
		put_tail(&line, json ? ",\"cut\":true" : " cut=true");
	put_tail(&line, json ? "}\n" : "\n");
	/* Nobody can be told that the log is gone, and nothing may wait for it. */
	do {
		n = write(STDERR_FILENO, line.text, line.len);
	} while (n < 0 && errno == EINTR);
}

/* Each request comes here with a line that usually is below the level, and a line's
 * memory is cleared before it is used. */
void
log_event(enum log_level level, const char *event, const char *request,
	const struct log_value *values, unsigned count)
{
	if ((int)level <= atomic_load(&settings.level))
		write_line(level, event, request, values, count);
}
