#include "keyd/keeper/model/idempotency.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/model/model.h"

#define KEPT_SECONDS 600
#define TAG_LEN      32

static enum kerr
tags(struct op *op, uint8_t key[TAG_LEN], uint8_t request[TAG_LEN], char person[80])
{
	uint32_t number = vault_active(op->vault, KEY_INDEX);
	struct vault_part parts[3];
	struct buf body;
	size_t len;
	const uint8_t *bytes = record_bytes(op->asked, REQUEST_IDEMPOTENCY, &len);
	enum kerr err;

	snprintf(person, 80, "%" PRId64 ":%s", op->who->uid, op->who->user);
	parts[0] = (struct vault_part){bytes, len};
	err = vault_mac(op->vault, number, "idempotency-key", parts, 1, key, TAG_LEN);
	if (err != KERR_OK)
		return err;
	buf_init(&body, 1u << 16);
	if (op_body(op) != NULL)
		record_encode(op_body(op), &body);
	parts[0] = (struct vault_part){&op->message->number, sizeof(op->message->number)};
	parts[1] = (struct vault_part){op_ref(op), strlen(op_ref(op))};
	parts[2] = (struct vault_part){body.data, body.len};
	err = buf_error(&body);
	if (err == KERR_OK)
		err = vault_mac(op->vault, number, "idempotent-request", parts, 3,
			request, TAG_LEN);
	buf_clear(&body);
	return err;
}

static enum kerr
find(struct op *op, const uint8_t key[TAG_LEN], struct record **ret)
{
	const struct store_condition c = {.column = ROW_IDEMPOTENCY_KEY_TAG,
		.test = STORE_IS,
		.text = (const char *)key,
		.count = TAG_LEN};
	const struct store_query q = {
		.table = TABLE_idempotency, .conditions = &c, .count = 1};

	return store_first(op->reader, &q, op->arena, ret);
}

enum kerr
idempotency_find(struct op *op, int64_t *ret_secret)
{
	uint8_t key[TAG_LEN], request[TAG_LEN];
	const uint8_t *stored;
	char person[80];
	struct record *row;
	size_t len;
	enum kerr err;

	if (!record_has(op->asked, REQUEST_IDEMPOTENCY))
		return KERR_NOTFOUND;
	err = tags(op, key, request, person);
	if (err == KERR_OK)
		err = find(op, key, &row);
	if (err != KERR_OK)
		return err;
	if (record_int(row, ROW_IDEMPOTENCY_EXPIRES) <= op->now)
		return KERR_NOTFOUND;
	stored = record_bytes(row, ROW_IDEMPOTENCY_REQUEST_TAG, &len);
	if (len != TAG_LEN || memcmp(stored, request, TAG_LEN) != 0 ||
		strcmp(record_text(row, ROW_IDEMPOTENCY_PERSON), person) != 0)
		return op_fault(op, KERR_MISMATCH, "idempotency_key",
			"another request, or another person, used this Idempotency-Key");
	*ret_secret = record_int(row, ROW_IDEMPOTENCY_DELIVERY_ID);
	return KERR_OK;
}

enum kerr
idempotency_keep(struct op *op, int64_t client, int64_t secret)
{
	uint8_t key[TAG_LEN], request[TAG_LEN];
	char person[80];
	struct record *row;
	enum kerr err;

	if (!record_has(op->asked, REQUEST_IDEMPOTENCY))
		return KERR_OK;
	row = record_new(op->arena, store_schema(TABLE_idempotency));
	if (row == NULL)
		return KERR_NOMEM;
	err = tags(op, key, request, person);
	record_set_int(row, ROW_IDEMPOTENCY_MESSAGE, op->message->number);
	record_set_int(row, ROW_IDEMPOTENCY_OBJECT_ID, client);
	record_set_int(row, ROW_IDEMPOTENCY_DELIVERY_ID, secret);
	record_set_int(row, ROW_IDEMPOTENCY_EXPIRES, op->now + KEPT_SECONDS);
	if (err == KERR_OK)
		err = record_set_bytes(row, ROW_IDEMPOTENCY_KEY_TAG, key, TAG_LEN);
	if (err == KERR_OK)
		err = record_set_bytes(
			row, ROW_IDEMPOTENCY_REQUEST_TAG, request, TAG_LEN);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_IDEMPOTENCY_PERSON, person);
	return err == KERR_OK ? store_put(op->store, TABLE_idempotency, row) : err;
}

enum kerr
idempotency_clean(struct op *op)
{
	const struct store_condition c = {.column = ROW_IDEMPOTENCY_EXPIRES,
		.test = STORE_BELOW,
		.number = op->now};
	const struct store_query q = {
		.table = TABLE_idempotency, .conditions = &c, .count = 1};

	return store_delete(op->store, &q);
}
