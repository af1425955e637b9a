#include "admin-tui/screens.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/console.h"
#include "admin-tui/export.h"
#include "admin-tui/listing.h"
#include "core/model/model.h"

/* Clients: all one may see, or those of a filter. */

static const struct list_column columns[] = {
	{.field = CLIENT_ID, .title = "Id", .width = 7},
	{.field = CLIENT_NAME, .title = "Name", .share = 2},
	{.field = CLIENT_KEY, .title = "Key", .width = 24, .from = 120},
	{.field = CLIENT_VENDOR, .title = "Vendor"},
	{.field = CLIENT_APPLICATION, .title = "Application", .from = 140},
	{.field = CLIENT_YEAR, .title = "Year", .width = 4},
	{.field = CLIENT_STATE, .title = "State", .width = 11, .state = true},
	{.field = CLIENT_LAST_USE, .title = "Last use", .width = 16},
};

static const struct listing_kind kind = {
	.path = "/keyd/clients",
	.schema = &client_schema,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
	.orders = {{"", "-id", "id"}, {"name", "-name", "name"}, {"key", "-key", "key"}},
	.file = "clients.csv",
	.none = "no client is like that",
};

static enum kerr
open_screen(struct screen *s, const char *argument, struct fault *fault)
{
	return listing_open(s, &kind, argument, fault);
}

static bool
act(struct screen *s, enum action_id action, const char *argument)
{
	const struct record *client;
	char id[24];

	if (action != ACTION_OPEN)
		return listing_act(s, action, argument);
	client = listing_selected(s);
	if (client == NULL)
		return true;
	snprintf(id, sizeof(id), "%" PRId64, record_int(client, CLIENT_ID));
	console_open(s->console, "client", id);
	return true;
}

const struct screen_kind screen_clients = {
	.name = "clients",
	.title = "Clients",
	.size = sizeof(struct listing),
	.every = 10,
	.open = open_screen,
	.close = listing_close,
	.draw = listing_draw,
	.act = act,
	.refresh = listing_refresh,
	.place = listing_place,
};
