#include "admin-tui/console.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin-tui/command.h"
#include "admin-tui/export.h"
#include "admin-tui/frame.h"
#include "admin-tui/input.h"
#include "admin-tui/terminal.h"
#include "core/arena.h"
#include "core/model/model.h"
#include "core/wire/json_record.h"

#define PILE_MAX   16
#define STATUS_S   5
#define STATUS_MAX ((size_t)1 << 20)
#define INPUT_MAX  65536
#define NOTE_SIZE  512
#define SIGNALS    6

struct console {
	uv_loop_t loop;
	uv_poll_t tty;
	uv_prepare_t prepare;
	uv_timer_t escape, second;
	uv_signal_t signals[SIGNALS], tstp;
	struct api *api;
	struct input input;
	struct buf in;
	struct screen pile[PILE_MAX];
	size_t depth;
	struct form *form;
	char note[NOTE_SIZE];
	enum draw_style note_style;
	struct arena *status_arena;
	struct record *status;
	bool status_asked;
	unsigned seconds;
	bool changed; /* to be drawn */
	bool over;
	struct fault fault; /* why it ended; KERR_OK: as asked */
};

struct api *
console_api(struct console *c)
{
	return c->api;
}

uv_loop_t *
console_loop(struct console *c)
{
	return &c->loop;
}

const struct record *
console_status(const struct console *c)
{
	return c->status;
}

void
console_changed(struct console *c)
{
	c->changed = true;
}

void
console_note(struct console *c, enum draw_style style, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->note, sizeof(c->note), fmt, args);
	va_end(args);
	c->note_style = style;
	c->changed = true;
}

void
console_fault(struct console *c, const struct fault *fault)
{
	bool field = fault->field[0] != '\0';

	console_note(c, DRAW_BAD, "%s%s%s", fault->field, field ? ": " : "",
		fault->text[0] != '\0' ? fault->text : kerr_text(fault->err));
}

static struct screen *
front(struct console *c)
{
	return c->depth > 0 ? &c->pile[c->depth - 1] : NULL;
}

static void
drop_front(struct console *c)
{
	struct screen *s = front(c);

	if (s->kind->close != NULL)
		s->kind->close(s);
	mem_free(s->state);
	*s = (struct screen){0};
	c->depth--;
	c->changed = true;
}

void
console_refresh(struct console *c)
{
	struct screen *s = front(c);

	if (s != NULL && s->kind->refresh != NULL)
		s->kind->refresh(s);
	c->changed = true;
}

struct screen *
console_open(struct console *c, const char *name, const char *argument)
{
	const struct screen_kind *kind = screens_find(name);
	struct fault fault = {0};
	struct screen *s;

	if (kind == NULL)
		return NULL;
	if (c->depth > 0 && (front(c)->kind->modal || front(c)->kind == kind))
		drop_front(c);
	if (c->depth == PILE_MAX) {
		console_note(c, DRAW_WARN, "that is deep enough: go back first");
		return NULL;
	}
	s = &c->pile[c->depth++];
	*s = (struct screen){.kind = kind, .console = c, .area = draw_screen()};
	s->state = mem_new(1, kind->size > 0 ? kind->size : 1);
	if (s->state == NULL)
		fault_set(&fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	else if (kind->open != NULL)
		fault.err = kind->open(s, argument, &fault);
	if (fault.err != KERR_OK) {
		if (s->state != NULL && kind->close != NULL)
			kind->close(s);
		mem_free(s->state);
		c->depth--;
		console_fault(c, &fault);
		return NULL;
	}
	c->changed = true;
	return s;
}

void
console_back(struct screen *s)
{
	struct console *c = s->console;

	if (s != front(c))
		return;
	drop_front(c);
	if (c->depth == 0)
		c->over = true;
	else
		console_refresh(c);
}

void
console_form(struct console *c, struct form *f)
{
	form_free(c->form);
	c->form = f;
	if (f == NULL)
		console_note(c, DRAW_BAD, "%s", kerr_text(KERR_NOMEM));
	else
		c->note[0] = '\0';
	c->changed = true;
}

void
console_form_close(struct console *c, struct form *f)
{
	if (f == NULL || f != c->form)
		return;
	c->form = NULL;
	form_free(f);
	c->changed = true;
}

void
console_form_end(struct console *c)
{
	console_form_close(c, c->form);
}

static void
on_status(void *with, const struct api_reply *reply)
{
	struct console *c = with;
	struct arena *arena = arena_new(STATUS_MAX);
	struct record *status;
	struct fault fault = reply->fault;

	c->status_asked = false;
	c->changed = true;
	if (arena != NULL && reply->err == KERR_OK &&
		json_record_read(&status_schema, arena, reply->body, reply->len, &status,
			&fault) == KERR_OK) {
		arena_free(c->status_arena);
		c->status_arena = arena;
		c->status = status;
		return;
	}
	arena_free(arena);
	if (c->note[0] == '\0')
		console_fault(c, &fault);
}

static void
ask_status(struct console *c)
{
	const struct api_call call = {.lane = API_READ,
		.method = "GET",
		.target = "/keyd/status",
		.done = on_status,
		.with = c};

	if (!c->status_asked)
		c->status_asked = api_ask(c->api, &call) == KERR_OK;
}

static void
take_terminal(struct console *c)
{
	draw_enter();
	c->changed = true;
}

static void on_signal(uv_signal_t *signal, int number);

/* To the shell, until it says to go on. A secret does not stay on the screen. */
static void
stop(struct console *c)
{
	if (c->depth > 0 && front(c)->kind->modal)
		drop_front(c);
	terminal_leave();
	uv_signal_stop(&c->tstp);
	raise(SIGTSTP);
	uv_signal_start(&c->tstp, on_signal, SIGTSTP);
	take_terminal(c);
}

/* A screen without an argument that is in the pile is gone back to, not piled up. */
static void
screen_on_top(struct console *c, const char *name, const char *argument)
{
	size_t at = c->depth;

	while (argument[0] == '\0' && at > 0 &&
		strcmp(c->pile[at - 1].kind->name, name) != 0)
		at--;
	if (argument[0] != '\0' || at == 0) {
		console_open(c, name, argument);
		return;
	}
	if (c->depth == at)
		return;
	while (c->depth > at)
		drop_front(c);
	console_refresh(c);
}

/* What every screen leaves to the console. */
static void
act_everywhere(struct console *c, enum action_id action, const char *argument)
{
	struct screen *s = front(c);

	if (action == ACTION_BACK || action == ACTION_CLOSE) {
		if (c->depth > 1 || action == ACTION_CLOSE)
			console_back(s);
	} else if (action == ACTION_QUIT) {
		c->over = true;
	} else if (action == ACTION_COMMAND) {
		command_ask(c, s->kind->name);
	} else if (action == ACTION_REDRAW) {
		draw_repaint();
		ask_status(c);
		console_refresh(c);
	} else if (action == ACTION_STOP) {
		stop(c);
	} else if (action == ACTION_FIND && argument[0] == '\0') {
		command_ask_find(c);
	} else if (action == ACTION_PASTE) {
		command_ask_paste(c);
	} else if (screens_find(action_at(action)->name) != NULL) {
		screen_on_top(c, action_at(action)->name, argument);
	}
}

void
console_act(struct console *c, enum action_id action, const char *argument)
{
	struct screen *s = front(c);

	if (s->kind->act != NULL && s->kind->act(s, action, argument))
		return;
	if (s->kind->modal && action != ACTION_BACK && action != ACTION_QUIT &&
		action != ACTION_REDRAW && action != ACTION_STOP)
		console_note(c, DRAW_WARN,
			"first Enter, when you have the secret, or Esc, when not");
	else
		act_everywhere(c, action, argument);
}

static void
paste(struct console *c)
{
	size_t len;
	const char *text = input_pasted(&c->input, &len);

	if (c->input.cut)
		console_note(
			c, DRAW_BAD, "the paste was too long or broke off: not taken");
	else if (c->form == NULL)
		console_note(c, DRAW_WARN,
			"pasted where nothing is asked: not taken (%s)",
			"! looks for a pasted secret");
	else if (form_paste(c->form, text, len) == FORM_LOOKS_SECRET)
		/* Whatever it was meant for: it is looked for, and not shown. */
		command_pasted(c, text, len);
}

static void
on_key(void *with, uint32_t key)
{
	struct console *c = with;
	enum action_id action;

	c->changed = true;
	if (c->over)
		return;
	if (key == INPUT_PASTE) {
		paste(c);
		return;
	}
	c->note[0] = '\0';
	if (key == INPUT_CTRL('l') || key == INPUT_CTRL('z')) {
		console_act(c, key == INPUT_CTRL('l') ? ACTION_REDRAW : ACTION_STOP, "");
	} else if (c->form != NULL) {
		if (form_key(c->form, key) == FORM_GIVEN_UP)
			console_form_close(c, c->form);
	} else if (action_of_key(key, front(c)->kind->name, &action)) {
		console_act(c, action, "");
	}
}

static void
on_escape(uv_timer_t *timer)
{
	struct console *c = timer->data;

	input_timeout(&c->input, on_key, c);
}

static void
read_keys(struct console *c)
{
	unsigned wait;
	enum kerr err;

	uv_timer_stop(&c->escape);
	err = terminal_read(&c->in);
	if (err == KERR_OK) {
		input_feed(&c->input, c->in.data, c->in.len, on_key, c);
		buf_reset(&c->in);
	} else if (err != KERR_BUSY) {
		fault_set(&c->fault, KERR_CLOSED, "", "the terminal is gone");
		c->over = true;
	}
	wait = input_wait_ms(&c->input);
	if (wait > 0)
		uv_timer_start(&c->escape, on_escape, wait, 0);
}

static void
on_tty(uv_poll_t *poll, int status, int events)
{
	struct console *c = poll->data;

	if (status < 0) {
		fault_set(&c->fault, KERR_CLOSED, "", "the terminal is gone");
		c->over = true;
	} else if (events & (UV_READABLE | UV_DISCONNECT)) {
		read_keys(c);
	}
}

static void
draw_all(struct console *c)
{
	const struct frame frame = {.console = c,
		.screen = front(c),
		.form = c->form,
		.note = c->note,
		.note_style = c->note_style};

	c->changed = false;
	frame_draw(&frame);
	draw_show();
}

/* Before the loop sleeps: the picture, if the line has taken the one before. */
static void
on_prepare(uv_prepare_t *prepare)
{
	struct console *c = prepare->data;
	int events = UV_READABLE | UV_DISCONNECT;
	enum kerr err;

	if (c->over) {
		uv_stop(&c->loop);
		return;
	}
	err = terminal_flush();
	if (err == KERR_OK && c->changed) {
		draw_all(c);
		err = terminal_flush();
	}
	if (err == KERR_CLOSED) {
		fault_set(&c->fault, KERR_CLOSED, "", "the terminal is gone");
		uv_stop(&c->loop);
		return;
	}
	if (err == KERR_BUSY)
		events |= UV_WRITABLE;
	uv_poll_start(&c->tty, events, on_tty);
}

static void
on_second(uv_timer_t *timer)
{
	struct console *c = timer->data;
	struct screen *s = front(c);

	if (s != NULL && s->kind->second != NULL)
		s->kind->second(s);
	s = front(c); /* it may have ended itself */
	c->seconds++;
	if (c->seconds % STATUS_S == 0)
		ask_status(c);
	if (s != NULL && s->kind->every > 0 && c->seconds % s->kind->every == 0)
		console_refresh(c);
}

static void
on_signal(uv_signal_t *signal, int number)
{
	struct console *c = signal->data;

	if (number == SIGWINCH) {
		draw_resize();
		draw_repaint();
		c->changed = true;
	} else if (number == SIGTSTP) {
		stop(c);
	} else if (number == SIGCONT) {
		take_terminal(c);
	} else {
		fault_set(&c->fault, KERR_CLOSED, "", "ended by signal %d", number);
		c->over = true;
	}
}

static void
on_api(void *with)
{
	console_changed(with);
}

static enum kerr
start_loop(struct console *c)
{
	static const int numbers[SIGNALS] = {
		SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGWINCH, SIGCONT};
	bool good = uv_poll_init(&c->loop, &c->tty, terminal_fd()) == 0 &&
		    uv_prepare_init(&c->loop, &c->prepare) == 0 &&
		    uv_timer_init(&c->loop, &c->escape) == 0 &&
		    uv_timer_init(&c->loop, &c->second) == 0 &&
		    uv_signal_init(&c->loop, &c->tstp) == 0;

	for (size_t i = 0; i < SIGNALS && good; i++)
		good = uv_signal_init(&c->loop, &c->signals[i]) == 0;
	if (!good)
		return KERR_IO;
	c->tty.data = c->prepare.data = c->escape.data = c->second.data = c->tstp.data =
		c;
	uv_prepare_start(&c->prepare, on_prepare);
	uv_timer_start(&c->second, on_second, 1000, 1000);
	uv_signal_start(&c->tstp, on_signal, SIGTSTP);
	for (size_t i = 0; i < SIGNALS; i++) {
		c->signals[i].data = c;
		uv_signal_start(&c->signals[i], on_signal, numbers[i]);
	}
	return KERR_OK;
}

static void
close_handle(uv_handle_t *handle, void *with)
{
	(void)with;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void
end(struct console *c)
{
	export_stop();
	form_free(c->form);
	while (c->depth > 0)
		drop_front(c);
	if (c->api != NULL)
		api_stop(c->api);
	uv_walk(&c->loop, close_handle, NULL);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_loop_close(&c->loop);
	api_free(c->api);
	input_clear(&c->input);
	buf_clear(&c->in);
	arena_free(c->status_arena);
}

enum kerr
console_run(const char *socket, struct fault *fault)
{
	static struct console c;
	const struct api_hooks hooks = {.changed = on_api, .with = &c};
	enum kerr err;

	if (uv_loop_init(&c.loop) != 0)
		return fault_set(fault, KERR_IO, "", "no event loop");
	input_init(&c.input);
	buf_init(&c.in, INPUT_MAX);
	err = terminal_open(&c.fault);
	if (err == KERR_OK)
		err = draw_start(&c.fault);
	if (err == KERR_OK && start_loop(&c) != KERR_OK)
		err = fault_set(&c.fault, KERR_IO, "", "no event loop");
	if (err == KERR_OK) {
		c.api = api_new(&c.loop, socket, &hooks);
		if (c.api == NULL)
			err = fault_set(&c.fault, KERR_NOMEM, "", "no memory");
	}
	if (err == KERR_OK) {
		terminal_guard();
		take_terminal(&c);
		ask_status(&c);
		if (console_open(&c, "overview", "") != NULL)
			uv_run(&c.loop, UV_RUN_DEFAULT);
	}
	end(&c);
	terminal_close();
	draw_stop();
	*fault = c.fault;
	return c.fault.err;
}
