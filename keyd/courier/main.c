/* keyd-courier: takes what the keeper hands it to the outside world. No job exists yet,
 * so it starts, closes its jail and waits. */

#include <stdlib.h>

#include <uv.h>

#include "core/log.h"
#include "keyd/role/sandbox.h"
#include "keyd/role/start.h"

struct courier {
	struct role_start role;
	uv_loop_t loop;
	uv_poll_t control, keeper;
	uv_timer_t alive;
	int status;
};

static void
end(struct courier *c, int status)
{
	c->status = status;
	uv_stop(&c->loop);
}

static void
on_control(uv_poll_t *poll, int status, int events)
{
	struct courier *c = poll->data;
	struct role_event event;
	enum kerr err = status < 0 ? KERR_IO : role_next(&c->role, &event);

	(void)events;
	if (err == KERR_BUSY || (err == KERR_OK && event.kind == ROLE_EVENT_SETTINGS))
		return;
	if (err == KERR_OK && event.kind == ROLE_EVENT_STOP) {
		end(c, EXIT_SUCCESS);
		return;
	}
	log_write(LOG_ERROR, "parent-lost", "", LOG_TEXT("detail", kerr_text(err)));
	end(c, EXIT_FAILURE);
}

/* The gate table has no message for the courier yet, so whatever comes means that the
 * keeper is gone or astray; the parent knows better and stops or restarts us. */
static void
on_keeper(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	uv_poll_stop(poll);
}

static void
on_alive(uv_timer_t *timer)
{
	struct courier *c = timer->data;

	if (role_alive(&c->role) != KERR_OK)
		end(c, EXIT_FAILURE);
}

static enum kerr
prepare(struct courier *c)
{
	if (uv_loop_init(&c->loop) != 0)
		return KERR_IO;
	if (uv_poll_init(&c->loop, &c->control, c->role.control) != 0 ||
		uv_poll_init(&c->loop, &c->keeper, c->role.keeper) != 0 ||
		uv_timer_init(&c->loop, &c->alive) != 0)
		return KERR_IO;
	c->control.data = c->keeper.data = c->alive.data = c;
	uv_poll_start(&c->control, UV_READABLE, on_control);
	uv_poll_start(&c->keeper, UV_READABLE, on_keeper);
	uv_timer_start(&c->alive, on_alive, ROLE_ALIVE_SECONDS * 1000,
		ROLE_ALIVE_SECONDS * 1000);
	return KERR_OK;
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	uv_close(handle, NULL);
}

int
main(void)
{
	static struct courier c = {.status = EXIT_FAILURE};
	struct fault fault = {.text = "no event loop"};
	enum kerr err = role_start(PEER_COURIER, &c.role, &fault);

	if (err == KERR_OK)
		err = prepare(&c);
	if (err == KERR_OK)
		err = sandbox_enter(SANDBOX_COURIER, NULL, 0, &fault);
	if (err != KERR_OK) {
		log_write(LOG_ERROR, "start-failed", "", LOG_TEXT("detail", fault.text));
		return ROLE_EXIT_HOPELESS;
	}
	if (role_ready(&c.role) == KERR_OK)
		uv_run(&c.loop, UV_RUN_DEFAULT);
	uv_walk(&c.loop, close_handle, NULL);
	uv_run(&c.loop, UV_RUN_DEFAULT);
	uv_loop_close(&c.loop);
	role_end(&c.role);
	return c.status;
}
