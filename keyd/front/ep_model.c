#include "keyd/front/endpoints.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "core/base64.h"
#include "core/clock.h"
#include "core/model/model.h"
#include "core/text.h"
#include "core/wire/json_record.h"
#include "core/wire/json_write.h"
#include "keyd/front/exchange.h"
#include "keyd/front/flat.h"
#include "keyd/front/form.h"
#include "keyd/front/reply.h"
#include "keyd/front/routes.h"
#include "keyd/front/upload.h"
#include "keyd/role/gate.h"

/* The endpoints of the local socket, all by the same rule: the route's message has a
 * schema for the question and one for the answer, and JSON is read and written by them.
 * Who may do what the keeper decides; the front only knows what is well-formed. */

#define IDEMPOTENCY_MIN 16 /* bytes, RFC draft's key with at least 128 random bits */
#define IDEMPOTENCY_MAX 64
#define ASK_MAX         32000 /* encoded question, below a frame */

static bool
refuse(struct exchange *ex, const char *field, const char *why)
{
	struct fault fault;

	fault_set(&fault, KERR_INVALID, field, "%s", why);
	reply_fault(ex, &fault, 0);
	return false;
}

/* RFC 9110 section 13.1.1, one strong entity tag that is a version. */
static bool
take_version(struct exchange *ex, struct record *request)
{
	struct http_span value;
	const char *text;
	int64_t version;
	unsigned count;

	if (!http_in_field(&ex->http, &ex->in, "if-match", &value, &count)) {
		if (!count)
			return true;
		return refuse(ex, "version", "If-Match is given twice");
	}
	text = (const char *)ex->in.data + value.at;
	if (value.len == 1 && text[0] == '*')
		return true;
	if (value.len > 2 && text[0] == '"' && text[value.len - 1] == '"') {
		text++;
		value.len -= 2;
	}
	if (text_to_int(text, value.len, &version) != KERR_OK || version < 1)
		return refuse(
			ex, "version", "If-Match must be the version of the object");
	record_set_int(request, REQUEST_VERSION, version);
	return true;
}

static bool
is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			    (c >= 'A' && c <= 'F')))
			return false;
	}
	return len % 2 == 0 && len >= 2 * (size_t)IDEMPOTENCY_MIN;
}

/* Hexadecimal digits or base64url, with or without quotes around them. */
static bool
take_idempotency(struct exchange *ex, struct record *request)
{
	uint8_t bytes[IDEMPOTENCY_MAX];
	struct http_span value;
	size_t len = 0;
	const char *text;
	unsigned count;
	int failed;

	if (!http_in_field(&ex->http, &ex->in, "idempotency-key", &value, &count)) {
		if (!count)
			return true;
		return refuse(ex, "idempotency_key", "Idempotency-Key is given twice");
	}
	text = (const char *)ex->in.data + value.at;
	if (value.len > 2 && text[0] == '"' && text[value.len - 1] == '"') {
		text++;
		value.len -= 2;
	}
	if (is_hex(text, value.len))
		failed = sodium_hex2bin(
			bytes, sizeof(bytes), text, value.len, NULL, &len, NULL);
	else
		failed = base64_decode(BASE64_URL, text, value.len, bytes, sizeof(bytes),
				 &len) != KERR_OK;
	if (failed || len < IDEMPOTENCY_MIN)
		return refuse(ex, "idempotency_key",
			"Idempotency-Key must be 128 to 512 random bits in hexadecimal "
			"or base64url");
	if (record_set_bytes(request, REQUEST_IDEMPOTENCY, bytes, len) == KERR_OK)
		return true;
	reply_error(ex, KERR_NOMEM);
	return false;
}

static bool
is_pair(const struct form_pair *pair, const char *name)
{
	return strlen(name) == pair->name_len &&
	       memcmp(pair->name, name, pair->name_len) == 0;
}

/* The query's parameters, decoded. False: answered. */
static bool
read_query(struct exchange *ex, struct form *ret)
{
	struct fault fault = {0};

	if (form_read(ret, ex->in.data + ex->http.query.at, ex->http.query.len, &fault) ==
		KERR_OK)
		return true;
	reply_fault(ex, &fault, 0);
	return false;
}

/* ?dry_run=1&accept=1 */
static bool
take_query(struct exchange *ex, struct record *request)
{
	struct form form;

	if (!read_query(ex, &form))
		return false;
	for (unsigned i = 0; i < form.count; i++) {
		const struct form_pair *pair = &form.pairs[i];
		bool yes = pair->value_len == 1 && pair->value[0] == '1';
		bool no = pair->value_len == 1 && pair->value[0] == '0';

		if (!yes && !no)
			return refuse(ex, "", "a parameter of the query is not 0 or 1");
		if (is_pair(pair, "dry_run"))
			record_set_int(request, REQUEST_DRY_RUN, yes);
		else if (is_pair(pair, "accept"))
			record_set_int(request, REQUEST_ACCEPT, yes);
		else
			return refuse(ex, "",
				"the query has a parameter that is not known here");
	}
	return true;
}

static bool
is_json(const struct exchange *ex)
{
	struct http_span type;
	uint32_t len = 0;

	if (!http_in_field(&ex->http, &ex->in, "content-type", &type, NULL))
		return false;
	while (len < type.len && ex->in.data[type.at + len] != ';')
		len++;
	type.len = len;
	return http_span_is(&ex->in, type, "application/json");
}

/* The JSON body as the request's one record. */
static bool
take_body(struct exchange *ex, struct record *request)
{
	const struct schema *s = record_schema(request);
	enum record_use use =
		ex->route->flags & ROUTE_CHANGE ? RECORD_CHANGE : RECORD_ADD;
	struct fault fault = {0};
	struct record *body;
	size_t len;
	const uint8_t *bytes = exchange_body(ex, &len);
	enum kerr err;

	if (s->count <= REQUEST_BODY)
		return !len || refuse(ex, "", "this takes no body");
	if (len && !is_json(ex)) {
		ex->close = true;
		reply_refused(ex, 415, "the body must be application/json");
		return false;
	}
	if (!len) {
		bytes = (const uint8_t *)"{}";
		len = 2;
	}
	err = json_record_read(s->fields[REQUEST_BODY].sub, exchange_arena(ex), bytes,
		len, &body, &fault);
	if (err == KERR_OK) {
		err = record_add_existing(request, REQUEST_BODY, body);
		if (err != KERR_OK)
			record_drop_secrets(body);
		else
			err = record_check(body, use, &fault);
	}
	if (err == KERR_OK)
		return true;
	if (!fault.text[0])
		fault_set(&fault, err, "", "%s", kerr_text(err));
	reply_fault(ex, &fault, 0);
	return false;
}

static bool
take_ref(struct exchange *ex, struct record *request)
{
	if (ex->ref_len &&
		record_set_bytes(request, REQUEST_REF, ex->ref, ex->ref_len) != KERR_OK) {
		reply_error(ex, KERR_NOMEM);
		return false;
	}
	if (record_set_text(request, REQUEST_REQUEST_ID, ex->request_id) != KERR_OK) {
		reply_error(ex, KERR_NOMEM);
		return false;
	}
	return true;
}

static void
send_ask(struct exchange *ex, const struct record *r, exchange_answered *answered)
{
	struct fault fault = {0};
	struct buf out;
	enum kerr err = record_check(r, RECORD_ANSWER, &fault);

	if (err != KERR_OK) {
		reply_fault(ex, &fault, 0);
		return;
	}
	buf_init(&out, ASK_MAX);
	record_encode(r, &out);
	err = buf_error(&out);
	/* The keeper ends whoever sends more than the gate table has. */
	if (err == KERR_OK && out.len > gate_find(ex->route->message)->max)
		err = KERR_TOO_LARGE;
	if (err != KERR_OK)
		reply_error(ex, err);
	else
		exchange_ask(ex, ex->route->message, out.data, out.len, answered);
	buf_clear(&out);
}

/* Where the new object is, and its version. */
static void
put_place(struct exchange *ex, const struct record *r)
{
	const struct schema *s = record_schema(r);
	int version = schema_field(s, "version");
	int id = schema_field(s, "id");
	char text[160];

	if (version >= 0 && record_has(r, (unsigned)version)) {
		snprintf(text, sizeof(text), "\"%" PRId64 "\"",
			record_int(r, (unsigned)version));
		reply_field(ex, "ETag", text);
	}
	if (!(ex->route->flags & ROUTE_CREATED) || id < 0 || !record_has(r, (unsigned)id))
		return;
	snprintf(text, sizeof(text), "%s/%" PRId64, ex->route->path,
		record_int(r, (unsigned)id));
	reply_field(ex, "Location", text);
}

/* An answer that is one long field of bytes: backup, audit export. */
static void
send_document(struct exchange *ex, const struct gate_row *row, const struct message *m)
{
	bool text = row->answered == &text_schema;
	unsigned field = text ? (unsigned)TEXT_TEXT : (unsigned)BACKUP_DATA;
	const char *type = text ? REPLY_TEXT : REPLY_BINARY;
	struct flat_value v[FLAT_FIELDS_MAX];
	size_t map_len;
	void *map;

	if (row->answered->count > FLAT_FIELDS_MAX ||
		flat_read(row->answered, m->payload, m->length, v) != KERR_OK) {
		reply_error(ex, KERR_INTERNAL);
		return;
	}
	map = keeper_take_map(ex->front->keeper, &map_len);
	if (map) {
		reply_send_map(ex, type, v[field].bytes, v[field].len, map, map_len);
		return;
	}
	buf_put(reply_body(ex), v[field].bytes, v[field].len);
	reply_send(ex, 200, type);
}

static void
answered(struct exchange *ex, const struct message *m)
{
	const struct gate_row *row = gate_find(ex->route->message);
	unsigned flags = ex->route->flags & ROUTE_SECRETS ? JSON_WITH_SECRETS : 0;
	struct record *r;

	if (m->status != KERR_OK) {
		reply_keeper_fault(ex, m);
		return;
	}
	if (ex->route->flags & ROUTE_DOCUMENT) {
		send_document(ex, row, m);
		return;
	}
	if (record_decode(row->answered, exchange_arena(ex), m->payload, m->length, &r) !=
		KERR_OK) {
		reply_error(ex, KERR_INTERNAL);
		return;
	}
	put_place(ex, r);
	json_record_write(reply_body(ex), r, flags);
	record_drop_secrets(r);
	reply_send(ex, ex->route->flags & ROUTE_CREATED ? 201 : 200, REPLY_JSON);
}

void
ep_model(struct exchange *ex)
{
	const struct gate_row *row = gate_find(ex->route->message);
	struct arena *a = exchange_arena(ex);
	struct record *request = a ? record_new(a, row->asked) : NULL;

	if (!request) {
		reply_error(ex, KERR_NOMEM);
		return;
	}
	if (take_ref(ex, request) && take_version(ex, request) &&
		take_idempotency(ex, request) && take_query(ex, request) &&
		take_body(ex, request))
		send_ask(ex, request, answered);
	record_drop_secrets(request);
}

static void
list_answered(struct exchange *ex, const struct message *m)
{
	const struct gate_row *row = gate_find(ex->route->message);
	struct record *list;
	struct buf *out;

	if (m->status != KERR_OK) {
		reply_keeper_fault(ex, m);
		return;
	}
	if (record_decode(row->answered, exchange_arena(ex), m->payload, m->length,
		    &list) != KERR_OK) {
		reply_error(ex, KERR_INTERNAL);
		return;
	}
	out = reply_body(ex);
	json_list_begin(out);
	for (size_t i = 0; i < record_count(list, LIST_ITEMS); i++)
		json_list_item(out, record_at(list, LIST_ITEMS, i), 0);
	json_list_end(out,
		record_has(list, LIST_TOTAL) ? record_int(list, LIST_TOTAL) : -1,
		record_has(list, LIST_AFTER) ? record_text(list, LIST_AFTER) : NULL);
	record_drop_secrets(list);
	reply_send(ex, 200, REPLY_JSON);
}

/* A parameter of the schema of list_ask itself; KERR_NOTFOUND when it is none. */
static enum kerr
take_paging(struct record *ask, const struct form_pair *pair)
{
	int64_t v;

	if (is_pair(pair, "after"))
		return record_set_bytes(
			ask, LIST_ASK_AFTER, pair->value, pair->value_len);
	if (is_pair(pair, "sort"))
		return record_set_bytes(ask, LIST_ASK_SORT, pair->value, pair->value_len);
	if (is_pair(pair, "limit")) {
		if (text_to_int(pair->value, pair->value_len, &v) != KERR_OK)
			return KERR_INVALID;
		record_set_int(ask, LIST_ASK_LIMIT, v);
		return KERR_OK;
	}
	if (!is_pair(pair, "at"))
		return KERR_NOTFOUND;
	if (clock_date_parse(pair->value, pair->value_len, &v) != KERR_OK)
		return KERR_INVALID;
	record_set_int(ask, LIST_ASK_AT, v);
	return KERR_OK;
}

/* A field of what is listed, if it can be filtered by. */
static enum kerr
take_filter(struct record *ask, const struct schema *item, const struct form_pair *pair)
{
	char text[FIELD_TEXTS_ITEM_MAX];
	int n;

	for (unsigned f = 0; f < item->count; f++) {
		if (!(item->fields[f].flags & FIELD_FILTER) ||
			!is_pair(pair, item->fields[f].name))
			continue;
		n = snprintf(text, sizeof(text), "%s=%.*s", item->fields[f].name,
			(int)pair->value_len, pair->value);
		if (n < 0 || (size_t)n >= sizeof(text))
			return KERR_INVALID;
		return record_add_text(ask, LIST_ASK_FILTER, text, (size_t)n);
	}
	return KERR_NOTFOUND;
}

static bool
take_parameter(struct exchange *ex, struct record *ask, const struct schema *item,
	const struct form_pair *pair)
{
	enum kerr err = take_paging(ask, pair);

	if (err == KERR_NOTFOUND)
		err = take_filter(ask, item, pair);
	if (err == KERR_OK)
		return true;
	if (err == KERR_NOTFOUND)
		return refuse(ex, "", "the query has a parameter that is not known here");
	if (err == KERR_INVALID)
		return refuse(ex, "", "a parameter of the query is not of its form");
	reply_error(ex, err);
	return false;
}

void
ep_list(struct exchange *ex)
{
	const struct gate_row *row = gate_find(ex->route->message);
	const struct schema *item = row->answered->fields[LIST_ITEMS].sub;
	struct arena *a = exchange_arena(ex);
	struct record *ask = a ? record_new(a, row->asked) : NULL;
	struct form form;
	bool good = true;

	if (!ask) {
		reply_error(ex, KERR_NOMEM);
		return;
	}
	if (!read_query(ex, &form))
		return;
	for (unsigned i = 0; i < form.count && good; i++)
		good = take_parameter(ex, ask, item, &form.pairs[i]);
	if (good)
		send_ask(ex, ask, list_answered);
}

void
ep_upload(struct exchange *ex)
{
	enum kerr err = upload_ask(ex, ex->route->message);

	if (err == KERR_OK)
		ex->answered = answered;
	else
		reply_error(ex, err);
}
