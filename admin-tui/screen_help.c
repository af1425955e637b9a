#include "admin-tui/screens.h"

#include <stdio.h>
#include <string.h>

#include "admin-tui/console.h"
#include "admin-tui/text_view.h"

/* Help: the table of actions, as it is. What the screens have of their own comes first.
 */

struct help {
	struct text_view view;
};

static void
put_action(struct buf *out, enum action_id id)
{
	struct buf keys;

	buf_init(&keys, 128);
	action_keys(id, &keys);
	buf_printf(out, "  %-20s :%-10s %s\n", buf_text(&keys), action_at(id)->name,
		action_at(id)->help);
	buf_clear(&keys);
}

static void
put_screen(struct buf *out, const struct screen_kind *kind)
{
	bool any = false;

	for (int id = 0; id < ACTION__COUNT; id++) {
		if (action_everywhere((enum action_id)id) ||
			!action_on((enum action_id)id, kind->name))
			continue;
		if (!any)
			buf_printf(out, "%s\n", kind->title);
		any = true;
		put_action(out, (enum action_id)id);
	}
	if (any)
		buf_put_text(out, "\n");
}

static enum kerr
open_screen(struct screen *s, const char *argument, struct fault *fault)
{
	struct help *v = s->state;
	struct buf *out = &v->view.text;

	(void)argument;
	text_view_init(&v->view);
	buf_put_text(out, "Everywhere\n");
	for (int id = 0; id < ACTION__COUNT; id++) {
		if (action_everywhere((enum action_id)id))
			put_action(out, (enum action_id)id);
	}
	buf_put_text(out, "\n");
	for (size_t i = 0; screens_at(i) != NULL; i++)
		put_screen(out, screens_at(i));
	buf_put_text(out,
		"In a form\n"
		"  Enter, Tab, Up, Down   to the next field; Enter on the last one does "
		"it\n"
		"  Tab                    completes, where there is something to "
		"complete\n"
		"  Ctrl-A, E, U, K, W     start, end; delete to start, to end, a word\n"
		"  Esc, Ctrl-C            give up: nothing is done, what was typed is "
		"wiped\n");
	return buf_error(out) == KERR_OK
		       ? KERR_OK
		       : fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
}

static void
close_screen(struct screen *s)
{
	struct help *v = s->state;

	text_view_clear(&v->view);
}

static void
draw(struct screen *s, const struct area *a)
{
	struct help *v = s->state;

	text_view_draw(&v->view, a);
}

static bool
act(struct screen *s, enum action_id action, const char *argument)
{
	struct help *v = s->state;

	(void)argument;
	return text_view_act(&v->view, action) || action == ACTION_OPEN;
}

const struct screen_kind screen_help = {
	.name = "help",
	.title = "Help",
	.size = sizeof(struct help),
	.open = open_screen,
	.close = close_screen,
	.draw = draw,
	.act = act,
};
