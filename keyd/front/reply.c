#include "keyd/front/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/front/flat.h"
#include "keyd/front/routes.h"

/* Room for the head before the body: status line, our own fields, the endpoint's. */
#define HEAD_ROOM (512 + EXCHANGE_EXTRA_MAX)
#define NO_STORE  "Cache-Control: no-store\r\nPragma: no-cache\r\n"

/* RFC 9110 section 15, what is used of it. */
static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{201, "Created"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

static const char *
reason_of(unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Error";
}

unsigned
reply_status(enum kerr err)
{
	switch (err) {
	case KERR_OK:
		return 200;
	case KERR_INVALID:
		return 400;
	case KERR_UNKNOWN_CALLER:
		return 401;
	case KERR_DENIED:
		return 403;
	case KERR_NOTFOUND:
		return 404;
	case KERR_EXISTS:
	case KERR_CONFLICT:
	case KERR_PHASE:
	case KERR_NEWER:
		return 409;
	case KERR_EXPIRED:
		return 410;
	case KERR_TOO_LARGE:
		return 413;
	case KERR_MISMATCH:
		return 422;
	case KERR_TOO_MANY:
		return 429;
	case KERR_IO:
	case KERR_DAMAGED:
	case KERR_PROTOCOL:
	case KERR_CRYPTO:
	case KERR_INTERNAL:
		return 500;
	case KERR_UNSUPPORTED:
		return 501;
	case KERR_NOMEM:
	case KERR_BUSY:
	case KERR_SEALED:
	case KERR_CLOSED:
	case KERR_TIMEOUT:
	case KERR_NOT_READY:
		return 503;
	case KERR_FULL:
		return 507;
	case KERR__COUNT:
		break;
	}
	return 500;
}

struct buf *
reply_body(struct exchange *ex)
{
	buf_reset(&ex->out);
	if (buf_reserve(&ex->out, HEAD_ROOM))
		buf_added(&ex->out, HEAD_ROOM);
	return &ex->out;
}

void
reply_field(struct exchange *ex, const char *name, const char *value)
{
	size_t room = sizeof(ex->extra) - ex->extra_len;
	int n = snprintf(ex->extra + ex->extra_len, room, "%s: %s\r\n", name, value);

	if (n > 0 && (size_t)n < room)
		ex->extra_len += (size_t)n;
}

void
reply_retry_after(struct exchange *ex, int64_t seconds)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, seconds);
	reply_field(ex, "Retry-After", text);
}

void
reply_cacheable(struct exchange *ex, unsigned seconds)
{
	char text[48];

	snprintf(text, sizeof(text), "public, max-age=%u", seconds);
	reply_field(ex, "Cache-Control", text);
}

static char *
put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

static char *
put_text(char *at, const char *text)
{
	return put(at, text, strlen(text));
}

static char *
put_number(char *at, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return put(at, digits + n, sizeof(digits) - n);
}

/* Every piece is bounded, and their sum is below HEAD_ROOM. */
static size_t
write_head(struct exchange *ex, char *head, const char *type, uint64_t body_len)
{
	char *at = put_text(head, "HTTP/1.1 ");

	at = put_number(at, ex->status);
	*at++ = ' ';
	at = put_text(at, reason_of(ex->status));
	at = put_text(at, "\r\nDate: ");
	at = put_text(at, front_date(ex->front));
	if (type) {
		at = put_text(at, "\r\nContent-Type: ");
		at = put_text(at, type);
	}
	at = put_text(at, "\r\nContent-Length: ");
	at = put_number(at, body_len);
	at = put_text(at, "\r\nX-Request-Id: ");
	at = put(at, ex->request_id, FRONT_REQUEST_ID);
	at = put_text(at, "\r\n");
	if (!memmem(ex->extra, ex->extra_len, "Cache-Control:", 14))
		at = put_text(at, NO_STORE);
	at = put(at, ex->extra, ex->extra_len);
	if (ex->close)
		at = put_text(at, "Connection: close\r\n");
	at = put_text(at, "\r\n");
	return (size_t)(at - head);
}

static void
send_all(struct exchange *ex, unsigned status, const char *type, size_t tail_len)
{
	char head[HEAD_ROOM];
	uint64_t body_len;
	size_t len;

	if (buf_error(&ex->out) != KERR_OK || ex->out.len < HEAD_ROOM) {
		/* No memory for an answer: the caller sees the connection end. */
		ex->close = true;
		ex->replied = true;
		ex->status = 0;
		buf_reset(&ex->out);
		ex->out_at = 0;
		return;
	}
	if (!ex->http.keep_alive || ex->front->stopping)
		ex->close = true;
	ex->status = status;
	body_len = ex->out.len - HEAD_ROOM + tail_len;
	len = write_head(ex, head, type, body_len);
	ex->out_at = HEAD_ROOM - len;
	memcpy(ex->out.data + ex->out_at, head, len);
	if (ex->http.method == HTTP_METHOD_HEAD) {
		ex->out.len = HEAD_ROOM;
		ex->tail_len = 0;
	}
	ex->replied = true;
}

void
reply_send(struct exchange *ex, unsigned status, const char *type)
{
	if (!type)
		reply_body(ex);
	send_all(ex, status, type, 0);
}

void
reply_send_map(struct exchange *ex, const char *type, const void *bytes, size_t len,
	void *map, size_t map_len)
{
	reply_body(ex);
	ex->map = map;
	ex->map_len = map_len;
	ex->tail = bytes;
	ex->tail_len = len;
	send_all(ex, 200, type, len);
}

void
reply_oauth(
	struct exchange *ex, unsigned status, const char *error, const char *description)
{
	struct buf *out = reply_body(ex);

	if (status == 401 && !memmem(ex->extra, ex->extra_len, "WWW-Auth", 8))
		reply_field(ex, "WWW-Authenticate",
			"Basic realm=\"keyd\", charset=\"UTF-8\"");
	buf_put_u8(out, '{');
	json_put_member(out, true, "error", error);
	if (description && description[0])
		json_put_member(out, false, "error_description", description);
	buf_put_u8(out, '}');
	reply_send(ex, status, REPLY_JSON);
}

/* RFC 6749 section 5.2, RFC 7009 section 2.2.1, RFC 8707 section 2. */
static const char *
oauth_word(const struct fault *fault)
{
	switch (reply_status(fault->err)) {
	case 400:
		if (strcmp(fault->field, "scope") == 0)
			return "invalid_scope";
		if (strcmp(fault->field, "resource") == 0)
			return "invalid_target";
		return "invalid_request";
	case 401:
		return "invalid_client";
	case 403:
		return "unauthorized_client";
	case 409:
	case 429:
	case 503:
	case 507:
		return "temporarily_unavailable";
	case 500:
	case 501:
		return "server_error";
	default:
		return "invalid_request";
	}
}

static int64_t
usual_retry(unsigned status)
{
	if (status == 503)
		return 1;
	return status == 429 || status == 507 ? 60 : 0;
}

void
reply_fault(struct exchange *ex, const struct fault *fault, int64_t retry_after)
{
	bool oauth = ex->route && (ex->route->flags & ROUTE_OAUTH);
	unsigned status = reply_status(fault->err);
	struct buf *out;

	/* To a client that asks for a token a service that is sealed is one that is
	 * away, and what is refused without the client being unknown is 400: RFC 6749
	 * section 5.2. */
	if (oauth && fault->err == KERR_PHASE)
		status = 503;
	else if (oauth && status > 401 && status < 429)
		status = 400;
	/* RFC 9110 section 13.1.1: the object is not the one that If-Match named. */
	if (fault->err == KERR_CONFLICT && strcmp(fault->field, "version") == 0)
		status = 412;
	if (!retry_after)
		retry_after = usual_retry(status);
	if (retry_after)
		reply_retry_after(ex, retry_after);
	if (oauth) {
		reply_oauth(ex, status, oauth_word(fault), fault->text);
		return;
	}
	out = reply_body(ex);
	json_problem_write(out, status, fault);
	reply_send(ex, status, REPLY_PROBLEM);
}

void
reply_error(struct exchange *ex, enum kerr err)
{
	struct fault fault;

	fault_set(&fault, err, "", "%s", kerr_text(err));
	reply_fault(ex, &fault, 0);
}

void
reply_refused(struct exchange *ex, unsigned status, const char *why)
{
	struct buf *out = reply_body(ex);

	/* RFC 9457 section 4.2.1: about:blank says no more than the status does. */
	buf_put_u8(out, '{');
	json_put_member(out, true, "type", "about:blank");
	json_put_member(out, false, "title", reason_of(status));
	buf_put_text(out, ",\"status\":");
	json_put_int(out, status);
	json_put_member(out, false, "detail", why);
	buf_put_u8(out, '}');
	reply_send(ex, status, REPLY_PROBLEM);
}

void
reply_read_fault(const struct message *m, struct fault *ret, int64_t *ret_retry)
{
	struct flat_value v[FAULT__COUNT];
	enum kerr err = m->status < KERR__COUNT && m->status != KERR_OK
				? (enum kerr)m->status
				: KERR_INTERNAL;

	*ret_retry = 0;
	fault_set(ret, err, "", "%s", kerr_text(err));
	if (!m->length || flat_read(&fault_schema, m->payload, m->length, v) != KERR_OK)
		return;
	if (v[FAULT_TEXT].len)
		fault_set(ret, err, "", "%.*s", (int)v[FAULT_TEXT].len,
			(const char *)v[FAULT_TEXT].bytes);
	snprintf(ret->field, sizeof(ret->field), "%.*s", (int)v[FAULT_FIELD].len,
		v[FAULT_FIELD].has ? (const char *)v[FAULT_FIELD].bytes : "");
	if (v[FAULT_RETRY].number > 0)
		*ret_retry = v[FAULT_RETRY].number;
}

void
reply_keeper_fault(struct exchange *ex, const struct message *m)
{
	struct fault fault;
	int64_t retry;

	reply_read_fault(m, &fault, &retry);
	reply_fault(ex, &fault, retry);
}
