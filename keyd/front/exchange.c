#include "keyd/front/exchange.h"

#include <string.h>
#include <sys/mman.h>

#include <sodium.h>

#include "core/clock.h"
#include "keyd/front/connection.h"
#include "keyd/front/reply.h"
#include "keyd/front/upload.h"

#define SPARE_MAX      64
#define KEPT_BYTES_MAX ((size_t)8 << 10) /* of each buffer of a spare exchange */
#define IN_MAX         (HTTP_HEAD_BYTES + CONNECTION_READ)

struct exchange *
exchange_take(struct front *f)
{
	struct exchange *ex = f->spare;

	if (ex) {
		f->spare = ex->next;
		f->spare_count--;
		ex->next = NULL;
	} else {
		ex = mem_new(1, sizeof(*ex));
		if (!ex)
			return NULL;
		ex->front = f;
		buf_init(&ex->in, IN_MAX);
		buf_init(&ex->out, SIZE_MAX);
	}
	exchange_renew(ex);
	return ex;
}

/* What one request leaves behind, but for the bytes that follow it. */
static void
forget(struct exchange *ex)
{
	if (ex->map)
		munmap(ex->map, ex->map_len);
	upload_free(ex->upload);
	arena_free(ex->arena);
	sodium_memzero(ex->ref, ex->ref_len);
	sodium_memzero(ex->extra, ex->extra_len);
	ex->map = NULL;
	ex->upload = NULL;
	ex->arena = NULL;
	ex->ref_len = ex->extra_len = 0;
	if (ex->out.cap > KEPT_BYTES_MAX)
		buf_clear(&ex->out);
	else
		buf_reset(&ex->out);
}

void
exchange_renew(struct exchange *ex)
{
	forget(ex);
	ex->in.max = IN_MAX > ex->in.len ? IN_MAX : ex->in.len;
	ex->route = NULL;
	ex->answered = NULL;
	ex->replied = ex->close = ex->unread = false;
	ex->status = 0;
	ex->out_at = 0;
	ex->tail = NULL;
	ex->tail_len = ex->map_len = 0;
	ex->began = clock_monotonic_us();
	front_request_id(ex->front, ex->request_id);
	http_in_start(&ex->http);
}

void
exchange_release(struct exchange *ex)
{
	struct front *f = ex->front;

	forget(ex);
	if (ex->in.cap > KEPT_BYTES_MAX)
		buf_clear(&ex->in);
	else
		buf_reset(&ex->in);
	if (f->spare_count < SPARE_MAX) {
		ex->next = f->spare;
		f->spare = ex;
		f->spare_count++;
		return;
	}
	buf_clear(&ex->in);
	buf_clear(&ex->out);
	mem_free(ex);
}

void
exchange_free_spare(struct front *f)
{
	while (f->spare) {
		struct exchange *ex = f->spare;

		f->spare = ex->next;
		buf_clear(&ex->in);
		buf_clear(&ex->out);
		mem_free(ex);
	}
	f->spare_count = 0;
}

struct arena *
exchange_arena(struct exchange *ex)
{
	if (!ex->arena)
		ex->arena = arena_new(EXCHANGE_ARENA_MAX);
	return ex->arena;
}

uint8_t *
exchange_body(struct exchange *ex, size_t *ret_len)
{
	*ret_len = ex->http.body_len;
	return ex->in.data + ex->http.head_len;
}

size_t
exchange_read_size(const struct exchange *ex)
{
	return ex->upload ? upload_read_size(ex->upload) : CONNECTION_READ;
}

void
exchange_ask(struct exchange *ex, uint16_t number, const void *payload, size_t len,
	exchange_answered *answered)
{
	enum kerr err =
		keeper_ask(ex->front->keeper, number, payload, len, ex->asker, NULL);

	if (err == KERR_OK) {
		ex->answered = answered;
		return;
	}
	if (err == KERR_BUSY)
		ex->front->counters.keeper_busy++;
	reply_error(ex, err);
}
