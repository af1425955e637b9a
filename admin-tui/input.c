#include "admin-tui/input.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"

#define ESC            0x1b
#define ESCAPE_WAIT_MS 12   /* terminals send a sequence at once */
#define PASTE_WAIT_MS  5000 /* a slow line brings a paste in pieces */

static const char paste_begin[] = "\033[200~";
static const char paste_end[] = "\033[201~";
#define PASTE_END_LEN (sizeof(paste_end) - 1)

struct sequence {
	const char *bytes; /* behind ESC */
	uint32_t key;
};

static const struct sequence sequences[] = {
	{"[A", INPUT_UP},
	{"[B", INPUT_DOWN},
	{"[C", INPUT_RIGHT},
	{"[D", INPUT_LEFT},
	{"[H", INPUT_HOME},
	{"[F", INPUT_END},
	{"[Z", INPUT_BACKTAB},
	{"OA", INPUT_UP},
	{"OB", INPUT_DOWN},
	{"OC", INPUT_RIGHT},
	{"OD", INPUT_LEFT},
	{"OH", INPUT_HOME},
	{"OF", INPUT_END},
	{"OM", INPUT_ENTER},
	{"OP", INPUT_F1},
	{"[11~", INPUT_F1},
	{"[1~", INPUT_HOME},
	{"[2~", INPUT_INSERT},
	{"[3~", INPUT_DELETE},
	{"[4~", INPUT_END},
	{"[5~", INPUT_PAGE_UP},
	{"[6~", INPUT_PAGE_DOWN},
	{"[7~", INPUT_HOME},
	{"[8~", INPUT_END},
	{"[[A", INPUT_F1},
};

struct key_name {
	uint32_t key;
	const char *name;
};

static const struct key_name key_names[] = {
	{INPUT_ENTER, "Enter"},
	{INPUT_TAB, "Tab"},
	{INPUT_BACKTAB, "Shift-Tab"},
	{INPUT_BACKSPACE, "Backspace"},
	{INPUT_DELETE, "Delete"},
	{INPUT_INSERT, "Insert"},
	{INPUT_UP, "Up"},
	{INPUT_DOWN, "Down"},
	{INPUT_LEFT, "Left"},
	{INPUT_RIGHT, "Right"},
	{INPUT_HOME, "Home"},
	{INPUT_END, "End"},
	{INPUT_PAGE_UP, "PgUp"},
	{INPUT_PAGE_DOWN, "PgDn"},
	{INPUT_ESCAPE, "Esc"},
	{INPUT_F1, "F1"},
	{' ', "Space"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void
input_init(struct input *in)
{
	memset(in, 0, sizeof(*in));
	buf_init(&in->paste, INPUT_PASTE_MAX);
}

void
input_clear(struct input *in)
{
	buf_clear(&in->paste);
	memset(in->held, 0, sizeof(in->held));
	in->held_len = 0;
	in->pasting = false;
}

static uint32_t
control_key(uint8_t byte)
{
	switch (byte) {
	case '\r':
	case '\n':
		return INPUT_ENTER;
	case '\t':
		return INPUT_TAB;
	case 0x08:
	case 0x7f:
		return INPUT_BACKSPACE;
	default:
		return INPUT_CTRL(byte | 0x60);
	}
}

static void
end_paste(struct input *in, input_handler *handle, void *with)
{
	in->pasting = false;
	in->marker = 0;
	handle(with, INPUT_PASTE);
	in->cut = false;
	buf_clear(&in->paste);
}

static void
put_pasted(struct input *in, const void *bytes, size_t len)
{
	if (len > INPUT_PASTE_MAX - in->paste.len) {
		in->cut = true;
		len = INPUT_PASTE_MAX - in->paste.len;
	}
	buf_put(&in->paste, bytes, len);
}

/* The end marker begins with the only ESC in it, so a mismatch never hides another
 * beginning but at the byte itself. */
static void
feed_paste(struct input *in, uint8_t byte, input_handler *handle, void *with)
{
	if (byte == (uint8_t)paste_end[in->marker]) {
		if (++in->marker == PASTE_END_LEN)
			end_paste(in, handle, with);
		return;
	}
	put_pasted(in, paste_end, in->marker);
	in->marker = byte == ESC ? 1 : 0;
	if (in->marker == 0)
		put_pasted(in, &byte, 1);
}

/* How long the escape sequence at the start of held is; 0 while its end is missing. */
static size_t
sequence_len(const uint8_t *bytes, size_t len)
{
	size_t at = 2;

	if (len < 2)
		return 0;
	if (bytes[1] == 'O')
		return len < 3 ? 0 : 3;
	if (bytes[1] != '[')
		return 1; /* ESC, then a key of its own */
	if (len > 2 && bytes[2] == '[')
		return len < 4 ? 0 : 4;
	while (at < len && bytes[at] >= 0x20 && bytes[at] <= 0x3f)
		at++;
	return at < len ? at + 1 : 0;
}

/* Parameters of modifiers ("[1;5A") are passed over. 0: no key that is known. */
static uint32_t
sequence_key(const uint8_t *bytes, size_t len)
{
	char text[32];
	const uint8_t *semicolon = memchr(bytes, ';', len);
	size_t n = len - 1;

	if (len == 1)
		return INPUT_ESCAPE;
	if (n >= sizeof(text))
		return 0;
	memcpy(text, bytes + 1, n);
	text[n] = '\0';
	if (semicolon != NULL) {
		size_t keep = (size_t)(semicolon - bytes) - 1;
		char last = (char)bytes[len - 1];

		if (last != '~' && keep == 2 && text[1] == '1')
			keep = 1;
		text[keep] = last;
		text[keep + 1] = '\0';
	}
	for (size_t i = 0; i < COUNT(sequences); i++) {
		if (strcmp(sequences[i].bytes, text) == 0)
			return sequences[i].key;
	}
	return 0;
}

static void
take(struct input *in, size_t len)
{
	in->held_len -= len;
	memmove(in->held, in->held + len, in->held_len);
}

/* A UTF-8 character whose bytes so far are right. */
static bool
is_unfinished(const struct input *in)
{
	for (size_t i = 1; i < in->held_len; i++) {
		if ((in->held[i] & 0xc0) != 0x80)
			return false;
	}
	return in->held[0] >= 0xc2 && in->held_len < 4;
}

/* One key out of what is held. False: more bytes are needed. */
static bool
next_key(struct input *in, input_handler *handle, void *with)
{
	uint32_t character, key = 0;
	bool hidden;
	size_t n;

	if (in->held[0] == ESC) {
		n = sequence_len(in->held, in->held_len);
		if (n == 0 && in->held_len < sizeof(in->held))
			return false;
		if (n == sizeof(paste_begin) - 1 && memcmp(in->held, paste_begin, n) == 0)
			in->pasting = true;
		else if (n != 0)
			key = sequence_key(in->held, n);
		take(in, n != 0 ? n : in->held_len);
	} else if (in->held[0] < 0x20 || in->held[0] == 0x7f) {
		key = control_key(in->held[0]);
		take(in, 1);
	} else {
		n = text_next((const char *)in->held, in->held_len, &character, &hidden);
		if (n == 0 && is_unfinished(in))
			return false;
		/* What is no character, or would not be seen, is no key. */
		if (n != 0 && !hidden)
			key = character;
		take(in, n != 0 ? n : 1);
	}
	if (key != 0)
		handle(with, key);
	return true;
}

void
input_feed(struct input *in, const uint8_t *bytes, size_t len, input_handler *handle,
	void *with)
{
	for (size_t i = 0; i < len; i++) {
		if (in->pasting) {
			feed_paste(in, bytes[i], handle, with);
			continue;
		}
		in->held[in->held_len++] = bytes[i];
		while (in->held_len > 0 && !in->pasting && next_key(in, handle, with))
			;
	}
}

unsigned
input_wait_ms(const struct input *in)
{
	if (in->pasting)
		return PASTE_WAIT_MS;
	return in->held_len > 0 ? ESCAPE_WAIT_MS : 0;
}

void
input_timeout(struct input *in, input_handler *handle, void *with)
{
	bool escape = in->held_len == 1 && in->held[0] == ESC;

	/* A sequence that was cut is dropped: its rest would be taken for keys. */
	in->held_len = 0;
	if (in->pasting) {
		in->cut = true;
		end_paste(in, handle, with);
	} else if (escape)
		handle(with, INPUT_ESCAPE);
}

const char *
input_pasted(const struct input *in, size_t *ret_len)
{
	*ret_len = in->paste.len;
	return (const char *)in->paste.data;
}

void
input_key_name(uint32_t key, char *out, size_t size)
{
	for (size_t i = 0; i < COUNT(key_names); i++) {
		if (key_names[i].key == key) {
			snprintf(out, size, "%s", key_names[i].name);
			return;
		}
	}
	if (key > INPUT_CONTROL)
		snprintf(out, size, "Ctrl-%c", (char)(key - INPUT_CONTROL - 32));
	else
		snprintf(out, size, "%c", (char)key);
}
