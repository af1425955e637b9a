#include "admin-tui/command.h"

#include <string.h>

#include "admin-tui/filter.h"
#include "admin-tui/input.h"
#include "admin-tui/paste.h"
#include "admin-tui/screens.h"
#include "core/credential.h"
#include "core/model/model.h"

#define COMMAND_MAX 512
#define FIND_MAX    256

/* Only one question is open at a time, so one of each is enough. */
static struct {
	struct console *console;
	const char *screen;
} asked;

/* Actions of the screen by name, then what filters there are. */
static void
complete(void *with, const char *text, struct buf *ret)
{
	(void)with;
	if (strchr(text, ' ') != NULL) {
		if (strncmp(text, "clients ", 8) == 0)
			filter_complete(&client_schema, text, ret);
		else if (strncmp(text, "audit ", 6) == 0)
			filter_complete(&audit_schema, text, ret);
		return;
	}
	for (int id = 0; id < ACTION__COUNT; id++) {
		const char *name = action_at((enum action_id)id)->name;

		if (action_on((enum action_id)id, asked.screen) &&
			strncmp(name, text, strlen(text)) == 0)
			buf_put(ret, name, strlen(name) + 1);
	}
}

static void
run_command(struct form *f, void *with)
{
	struct console *c = asked.console;
	const char *text = form_text(f, 0), *argument;
	char kept[COMMAND_MAX + 1];
	size_t word, len;
	enum action_id action;

	(void)with;
	text += strspn(text, " :");
	word = strcspn(text, " ");
	if (word == 0) {
		console_form_close(c, f);
		return;
	}
	if (!action_of_name(text, word, asked.screen, &action)) {
		form_fail(f, "there is no such command here; Tab shows what there is");
		return;
	}
	argument = text + word + strspn(text + word, " ");
	len = strlen(argument);
	if (action != ACTION_EXPORT && credential_looks_secret(argument, len)) {
		form_fail(f,
			"that looks like a secret: treat it as leaked; ! looks for it");
		return;
	}
	memcpy(kept, argument, len + 1);
	console_form_close(c, f);
	console_act(c, action, kept);
}

void
command_ask(struct console *c, const char *screen)
{
	const struct form_hooks hooks = {.submit = run_command, .complete = complete};
	struct form *f = form_new(&hooks);

	asked.console = c;
	asked.screen = screen;
	if (f != NULL)
		form_ask(f, ":", "", COMMAND_MAX, 0);
	console_form(c, f);
}

static void
run_find(struct form *f, void *with)
{
	struct console *c = asked.console;
	const char *text = form_text(f, 0);
	char kept[FIND_MAX + 1];
	size_t len = strlen(text);

	(void)with;
	if (len == 0) {
		console_form_close(c, f);
		return;
	}
	if (credential_looks_secret(text, len)) {
		form_fail(f,
			"that looks like a secret: treat it as leaked; ! looks for it");
		return;
	}
	memcpy(kept, text, len + 1);
	console_form_close(c, f);
	console_open(c, "find", kept);
}

void
command_ask_find(struct console *c)
{
	const struct form_hooks hooks = {.submit = run_find};
	struct form *f = form_new(&hooks);

	asked.console = c;
	if (f != NULL) {
		form_say(f,
			" A key, part of one (at least 4 characters), a name or an id.");
		form_ask(f, "Find:", "", FIND_MAX, 0);
	}
	console_form(c, f);
}

static void
run_paste(struct form *f, void *with)
{
	struct console *c = asked.console;
	const char *text = form_text(f, 0);

	(void)with;
	if (text[0] == '\0')
		console_form_close(c, f);
	else
		command_pasted(c, text, strlen(text));
}

void
command_ask_paste(struct console *c)
{
	const struct form_hooks hooks = {.submit = run_paste};
	struct form *f = form_new(&hooks);

	asked.console = c;
	if (f != NULL) {
		form_say(f, " Paste a secret, a token or a log line: it is looked for at "
			    "once.");
		form_say(f,
			" It is not shown, and nothing of it is kept, here or in keyd.");
		form_ask(f, "Paste:", "", INPUT_PASTE_MAX, FORM_HIDDEN);
	}
	console_form(c, f);
}

void
command_pasted(struct console *c, const char *text, size_t len)
{
	struct paste paste;
	struct fault fault;

	/* The secret first: text may be the form's own. */
	if (paste_read(text, len, &paste, &fault) != KERR_OK) {
		console_fault(c, &fault);
		return;
	}
	console_form_end(c);
	screen_find_pasted(c, &paste);
}
