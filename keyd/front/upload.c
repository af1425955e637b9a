#include "keyd/front/upload.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/model/model.h"
#include "core/wire/json_record.h"
#include "keyd/front/exchange.h"
#include "keyd/role/gate.h"

#define READ_SIZE ((size_t)64 << 10)
#define LENGTH    4 /* bytes of the length before the JSON */

struct upload {
	uint64_t left;   /* of the body, not received yet */
	struct buf head; /* length and JSON, until they are complete */
	int memfd;       /* -1 before that */
	size_t written;
};

struct upload *
upload_new(uint64_t length)
{
	struct upload *u = mem_new(1, sizeof(*u));

	if (!u)
		return NULL;
	u->left = length;
	u->memfd = -1;
	buf_init(&u->head, LENGTH + UPLOAD_JSON_MAX);
	return u;
}

void
upload_free(struct upload *u)
{
	if (!u)
		return;
	buf_clear(&u->head);
	if (u->memfd >= 0)
		close(u->memfd);
	mem_free(u);
}

size_t
upload_read_size(const struct upload *u)
{
	if (!u->left)
		return 1;
	return u->left < READ_SIZE ? (size_t)u->left : READ_SIZE;
}

static enum kerr
write_all(struct upload *u, const uint8_t *bytes, size_t len, struct fault *fault)
{
	while (len) {
		ssize_t n = write(u->memfd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set(fault, KERR_NOMEM, "",
				"there is no memory for the backup: %s", strerror(errno));
		bytes += n;
		len -= (size_t)n;
		u->written += (size_t)n;
	}
	return KERR_OK;
}

/* The part of restore_ask that stands before the backup: the field of the question, and
 * kind and length of the field that the backup is. */
static enum kerr
write_ask(struct exchange *ex, const uint8_t *json, size_t json_len, uint64_t data_len,
	struct fault *fault)
{
	struct arena *a = exchange_arena(ex);
	struct record *request, *body = NULL;
	struct buf ask, out;
	enum kerr err = KERR_NOMEM;

	buf_init(&ask, 2 * UPLOAD_JSON_MAX);
	buf_init(&out, 3 * UPLOAD_JSON_MAX);
	request = a ? record_new(a, &backup_ask_request_schema) : NULL;
	if (!request)
		goto out;
	err = json_record_read(&backup_ask_schema, a, json, json_len, &body, fault);
	if (err != KERR_OK)
		goto out;
	err = record_add_existing(request, REQUEST_BODY, body);
	if (err != KERR_OK) {
		record_drop_secrets(body);
		goto out;
	}
	err = record_check(body, RECORD_ADD, fault);
	if (err == KERR_OK)
		err = record_set_text(request, REQUEST_REQUEST_ID, ex->request_id);
	if (err != KERR_OK)
		goto out;
	record_encode(request, &ask);
	buf_put_u8(&out, RESTORE_ASK_ASK);
	buf_put_u32(&out, 1);
	buf_put_u32(&out, (uint32_t)ask.len);
	buf_put(&out, ask.data, ask.len);
	buf_put_u8(&out, RESTORE_ASK_DATA);
	buf_put_u32(&out, (uint32_t)data_len);
	err = buf_error(&ask) != KERR_OK ? buf_error(&ask) : buf_error(&out);
	if (err == KERR_OK)
		err = write_all(ex->upload, out.data, out.len, fault);
out:
	record_drop_secrets(request);
	buf_clear(&ask);
	buf_clear(&out);
	return err;
}

static uint32_t
json_length(const struct buf *head)
{
	struct cursor c;

	cursor_init(&c, head->data, head->len);
	return cursor_u32(&c);
}

/* Length and JSON; *taken says how many of the bytes belonged to them. */
static enum kerr
take_head(struct exchange *ex, const uint8_t *bytes, size_t len, size_t *taken,
	struct fault *fault)
{
	struct upload *u = ex->upload;
	enum kerr err;

	*taken = 0;
	while (*taken < len && u->head.len < LENGTH)
		buf_put_u8(&u->head, bytes[(*taken)++]);
	if (u->head.len < LENGTH)
		return KERR_BUSY;
	if (json_length(&u->head) > UPLOAD_JSON_MAX)
		return fault_set(fault, KERR_INVALID, "",
			"the body does not begin with the length of a JSON object");
	while (*taken < len && u->head.len < LENGTH + json_length(&u->head))
		buf_put_u8(&u->head, bytes[(*taken)++]);
	if (buf_error(&u->head) != KERR_OK)
		return buf_error(&u->head);
	if (u->head.len < LENGTH + json_length(&u->head))
		return KERR_BUSY;
	u->memfd = memfd_create("keyd-upload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (u->memfd < 0)
		return fault_set(fault, KERR_NOMEM, "",
			"there is no memory for the backup: %s", strerror(errno));
	err = write_ask(
		ex, u->head.data + LENGTH, u->head.len - LENGTH, u->left - *taken, fault);
	buf_clear(&u->head);
	return err;
}

enum kerr
upload_put(struct exchange *ex, const uint8_t *bytes, size_t len, struct fault *fault)
{
	struct upload *u = ex->upload;
	enum kerr err = KERR_OK;
	size_t taken = 0;

	if (u->memfd < 0)
		err = take_head(ex, bytes, len, &taken, fault);
	if (err == KERR_OK)
		err = write_all(u, bytes + taken, len - taken, fault);
	if (err != KERR_OK && err != KERR_BUSY)
		return err;
	u->left -= len;
	if (u->left)
		return KERR_BUSY;
	if (err == KERR_BUSY)
		return fault_set(fault, KERR_INVALID, "", "the body ends too early");
	return KERR_OK;
}

enum kerr
upload_ask(struct exchange *ex, uint16_t number)
{
	struct upload *u = ex->upload;
	enum kerr err = keeper_ask_memfd(
		ex->front->keeper, number, u->memfd, u->written, ex->asker);

	if (err == KERR_OK)
		u->memfd = -1;
	return err;
}
