#include "keyd/front/dispatch.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "core/clock.h"
#include "core/log.h"
#include "keyd/front/connection.h"
#include "keyd/front/proxy.h"
#include "keyd/front/reply.h"
#include "keyd/front/routes.h"
#include "keyd/front/upload.h"

#define UPLOAD_ROOM ((size_t)128 << 10)

static bool
has_body(const struct http_in *http)
{
	return http->chunked || (http->has_length && http->length);
}

/* An answer to a request that is not read to its end: the connection cannot go on. */
static enum dispatch_result
refuse(struct exchange *ex, unsigned status, const char *why)
{
	ex->close = ex->unread = true;
	reply_refused(ex, status, why);
	return DISPATCH_DONE;
}

static void
refuse_method(struct exchange *ex, unsigned methods)
{
	char allow[64] = "";
	size_t len = 0;

	for (enum http_method m = 0; m < HTTP_METHOD__COUNT; m++) {
		if (!(methods >> m & 1))
			continue;
		len += (size_t)snprintf(allow + len, sizeof(allow) - len, "%s%s%s",
			len ? ", " : "", http_method_name(m),
			m == HTTP_METHOD_GET ? ", HEAD" : "");
	}
	reply_field(ex, "Allow", allow);
	reply_refused(ex, 405, "the resource has no such method");
}

static void
refuse_path(struct exchange *ex)
{
	if (ex->door == DOOR_ADMIN) {
		reply_field(ex, "WWW-Authenticate", "Bearer realm=\"keyd\"");
		reply_refused(ex, 401,
			"the admin interface is served on the local socket only");
		return;
	}
	reply_refused(ex, 404, "there is no such resource");
}

/* From a trusted proxy the caller's address is in the configured field. */
static void
read_caller(struct exchange *ex)
{
	const char *name = proxy_field(ex->front->proxies);
	struct http_span value;

	if (name && proxy_trusts(ex->front->proxies, ex->source) &&
		http_in_field(&ex->http, &ex->in, name, &value, NULL))
		proxy_read_field(ex->front->proxies, (const char *)ex->in.data + value.at,
			value.len, ex->source);
}

/* False: there is no such route, and that has been answered. */
static bool
take_route(struct exchange *ex)
{
	const char *path = (const char *)ex->in.data + ex->http.path.at;
	unsigned methods;

	ex->route = route_find(
		ex->door, ex->http.method, path, ex->http.path.len, ex, &methods);
	if (ex->route)
		return true;
	if (has_body(&ex->http))
		ex->close = ex->unread = true;
	if (methods && ex->door != DOOR_ADMIN)
		refuse_method(ex, methods);
	else
		refuse_path(ex);
	return false;
}

static bool
begin_upload(struct exchange *ex)
{
	if (!ex->http.has_length) {
		refuse(ex, 411, "the body needs a Content-Length");
		return false;
	}
	if (ex->http.length > ex->route->body_max) {
		refuse(ex, 413, "the body is larger than 1 GiB");
		return false;
	}
	ex->upload = upload_new(ex->http.length);
	if (!ex->upload) {
		refuse(ex, 503, "there is no memory for the body");
		return false;
	}
	ex->in.max = ex->http.head_len + UPLOAD_ROOM;
	return true;
}

/* What a request may have in memory is known once its route is. */
static bool
begin_body(struct exchange *ex)
{
	if (ex->route->flags & ROUTE_UPLOAD)
		return begin_upload(ex);
	ex->in.max = ex->http.head_len + 2 * ex->route->body_max + HTTP_HEAD_BYTES +
		     CONNECTION_READ;
	if (ex->in.max < ex->in.len + CONNECTION_READ)
		ex->in.max = ex->in.len + CONNECTION_READ;
	return true;
}

static enum dispatch_result
take_upload(struct exchange *ex)
{
	uint8_t *bytes = ex->in.data + ex->http.head_len;
	size_t len = ex->in.len - ex->http.head_len;
	struct fault fault = {0};
	enum kerr err;

	if (len > ex->http.length - ex->http.raw)
		return refuse(ex, 400, "there is more than the body");
	err = upload_put(ex, bytes, len, &fault);
	ex->http.raw += len;
	sodium_memzero(bytes, len);
	ex->in.len = ex->http.head_len;
	if (err == KERR_BUSY)
		return DISPATCH_MORE;
	if (err != KERR_OK) {
		ex->close = true;
		ex->unread = ex->http.raw < ex->http.length;
		if (!fault.text[0])
			fault_set(&fault, err, "", "%s", kerr_text(err));
		reply_fault(ex, &fault, 0);
		return DISPATCH_DONE;
	}
	/* The body is not in the buffer, so none of it is to be taken out. */
	ex->http.raw = 0;
	ex->route->handle(ex);
	return DISPATCH_DONE;
}

static enum dispatch_result
take_body(struct exchange *ex)
{
	enum http_progress progress;

	if (ex->http.expects_continue && has_body(&ex->http) &&
		ex->in.len == ex->http.head_len &&
		(ex->upload || ex->http.length <= ex->route->body_max)) {
		ex->http.expects_continue = false;
		return DISPATCH_CONTINUE;
	}
	if (ex->upload)
		return take_upload(ex);
	progress = http_in_body(&ex->http, &ex->in, ex->route->body_max);
	if (progress == HTTP_MORE)
		return DISPATCH_MORE;
	if (progress == HTTP_REFUSED)
		return refuse(ex, ex->http.refused, ex->http.why);
	ex->route->handle(ex);
	return DISPATCH_DONE;
}

enum dispatch_result
dispatch(struct exchange *ex)
{
	if (!ex->http.head_len) {
		switch (http_in_head(&ex->http, &ex->in)) {
		case HTTP_MORE:
			return DISPATCH_MORE;
		case HTTP_REFUSED:
			return refuse(ex, ex->http.refused, ex->http.why);
		case HTTP_READY:
			break;
		}
		read_caller(ex);
		if (!take_route(ex) || !begin_body(ex))
			return DISPATCH_DONE;
	}
	return take_body(ex);
}

void
dispatch_finished(struct exchange *ex)
{
	struct front_counters *counters = &ex->front->counters;
	unsigned class = ex->status / 100 < FRONT_CLASSES ? ex->status / 100 : 0;
	const char *name = ex->route ? ex->route->name : "none";

	if (ex->route)
		counters->requests[route_index(ex->route)][class]++;
	else
		counters->refused++;
	log_write(ex->status == 500 ? LOG_WARN : LOG_DEBUG, "request", ex->request_id,
		LOG_TEXT("route", name), LOG_NUM("status", ex->status),
		LOG_NUM("microseconds", (int64_t)(clock_monotonic_us() - ex->began)));
}
