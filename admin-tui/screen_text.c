#include "admin-tui/screens.h"

#include <stdio.h>
#include <string.h>

#include "admin-tui/console.h"
#include "admin-tui/text_view.h"

/* Text that another screen wants to show in full. */

struct shown {
	struct text_view view;
	char title[64];
};

static void
close_screen(struct screen *s)
{
	struct shown *v = s->state;

	text_view_clear(&v->view);
}

static void
draw(struct screen *s, const struct area *a)
{
	struct shown *v = s->state;

	text_view_draw(&v->view, a);
}

static bool
act(struct screen *s, enum action_id action, const char *argument)
{
	struct shown *v = s->state;

	(void)argument;
	return text_view_act(&v->view, action) || action == ACTION_OPEN;
}

static void
place(const struct screen *s, struct buf *out)
{
	const struct shown *v = s->state;

	buf_put_text(out, v->title);
}

void
screen_text_show(struct console *c, const char *title, const char *text)
{
	struct screen *s = console_open(c, "text", "");
	struct shown *v;

	if (s == NULL)
		return;
	v = s->state;
	snprintf(v->title, sizeof(v->title), "%s", title);
	text_view_init(&v->view);
	buf_put_text(&v->view.text, text);
}

const struct screen_kind screen_text = {
	.name = "text",
	.title = "Show",
	.size = sizeof(struct shown),
	.close = close_screen,
	.draw = draw,
	.act = act,
	.place = place,
};
