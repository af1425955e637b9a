#include "keyd/front/endpoints.h"

#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/front/flat.h"
#include "keyd/front/exchange.h"
#include "keyd/front/reply.h"
#include "keyd/role/gate.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void
ep_health(struct exchange *ex)
{
	buf_put_text(reply_body(ex), "ok\n");
	reply_send(ex, 200, REPLY_TEXT);
}

/* Why not is said on the local socket only. */
static void
put_reasons(struct buf *out, const struct record *status)
{
	for (size_t i = 0; i < record_count(status, STATUS_REASONS); i++) {
		buf_put_text(out, record_text_at(status, STATUS_REASONS, i));
		buf_put_u8(out, '\n');
	}
}

static void
ready_answered(struct exchange *ex, const struct message *m)
{
	struct arena *a = exchange_arena(ex);
	struct record *status;
	struct buf *out;
	bool ready;

	if (m->status != KERR_OK || !a ||
		record_decode(&status_schema, a, m->payload, m->length, &status) !=
			KERR_OK) {
		reply_error(ex, KERR_NOT_READY);
		return;
	}
	ready = record_int(status, STATUS_READY) != 0;
	out = reply_body(ex);
	buf_put_text(out, ready ? "ready\n" : "not ready\n");
	if (ex->door == DOOR_LOCAL)
		put_reasons(out, status);
	if (!ready)
		reply_retry_after(ex, 1);
	reply_send(ex, ready ? 200 : 503, REPLY_TEXT);
}

void
ep_ready(struct exchange *ex)
{
	exchange_ask(ex, MESSAGE_HEALTH, NULL, 0, ready_answered);
}

/* Without the keeper's figures the front's own are still worth something. */
static void
metrics_answered(struct exchange *ex, const struct message *m)
{
	struct flat_value v[TEXT__COUNT] = {{.has = false}};
	struct buf *out = reply_body(ex);

	if (m->status == KERR_OK &&
		flat_read(&text_schema, m->payload, m->length, v) == KERR_OK)
		buf_put(out, v[TEXT_TEXT].bytes, v[TEXT_TEXT].len);
	front_write_metrics(ex->front, out);
	reply_send(ex, 200, METRICS_TYPE);
}

void
ep_metrics(struct exchange *ex)
{
	exchange_ask(ex, MESSAGE_METRICS, NULL, 0, metrics_answered);
}
