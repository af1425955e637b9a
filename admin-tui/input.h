#ifndef KEYD_ADMIN_TUI_INPUT_H
#define KEYD_ADMIN_TUI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/* What the terminal sends, as keys. Curses does not see it: what is pasted may be a
 * secret, and curses keeps what it reads. Understands the sequences that every terminal
 * in use shares (ECMA-48 cursor keys in both modes, VT editing keys, bracketed paste). */

/* A key is a character's code point, or one of these. */
enum input_key {
	INPUT_ENTER = 0x110000,
	INPUT_TAB,
	INPUT_BACKTAB,
	INPUT_BACKSPACE,
	INPUT_DELETE,
	INPUT_INSERT,
	INPUT_UP,
	INPUT_DOWN,
	INPUT_LEFT,
	INPUT_RIGHT,
	INPUT_HOME,
	INPUT_END,
	INPUT_PAGE_UP,
	INPUT_PAGE_DOWN,
	INPUT_ESCAPE,
	INPUT_F1,
	INPUT_PASTE, /* input_pasted() has the text */
	INPUT_CONTROL = 0x110100,
};
#define INPUT_CTRL(letter) ((uint32_t)INPUT_CONTROL + (uint32_t)(letter))

#define INPUT_PASTE_MAX 8192 /* bytes kept of one paste */

struct input {
	uint8_t held[32]; /* a sequence that has only begun */
	size_t held_len;
	bool pasting;
	size_t marker;    /* bytes of the paste's end that were seen */
	struct buf paste; /* wiped after its key was handled */
	bool cut;         /* the paste was longer than INPUT_PASTE_MAX */
};

typedef void input_handler(void *with, uint32_t key);

void input_init(struct input *in);  /* empty */
void input_clear(struct input *in); /* wipes and frees */
/* Calls handle for each whole key in the bytes. What is left waits for more bytes or
 * for input_timeout(). */
void input_feed(struct input *in, const uint8_t *bytes, size_t len, input_handler *handle,
	void *with);
/* How long a sequence that has begun may wait for its next byte, in ms; 0: none has
 * begun. Then input_timeout(): a lone ESC is the key, a paste without end is over. */
unsigned input_wait_ms(const struct input *in);
void input_timeout(struct input *in, input_handler *handle, void *with);

/* What was pasted, while INPUT_PASTE is being handled; borrowed, wiped behind it. */
const char *input_pasted(const struct input *in, size_t *ret_len);
/* How a key is called in help: "PgUp", "Ctrl-L", "q". Into out, at least 16 bytes. */
void input_key_name(uint32_t key, char *out, size_t size);

#endif
