#include "keyd/cli/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "core/text.h"
#include "core/wire/json_record.h"
#include "core/wire/json_write.h"
#include "keyd/cli/progress.h"
#include "keyd/parent/config/config.h"

#define ANSWER_MAX     ((size_t)16 << 20)
#define ASK_MAX        ((size_t)64 << 10)
#define BODY_MAX       16384
#define CONNECT_MS     5000
#define ANSWER_SECONDS 120
#define STEP_MS        100
#define REQUEST_ID_MIN 32 /* hexadecimal digits */

const char *
config_path(const struct cli *c)
{
	const char *path = c->args.options[OPTION_CONFIG];

	if (!path)
		path = getenv("KEYD_CONFIG");
	return path && *path ? path : CONFIG_PATH;
}

static enum kerr
take_socket(struct cli *c, const char *path)
{
	int n = snprintf(c->socket, sizeof(c->socket), "%s", path);

	if (n > 0 && (size_t)n < sizeof(c->socket))
		return KERR_OK;
	return fault_set(&c->fault, KERR_INVALID, "socket",
		"the path of a socket has 1 to %zu bytes", sizeof(c->socket) - 1);
}

enum kerr
call_find_socket(struct cli *c)
{
	const char *path = c->args.options[OPTION_SOCKET];
	struct record *settings;
	struct fault fault = {0};
	struct arena *a;
	enum kerr err;

	if (!path)
		path = getenv("KEYD_SOCKET");
	if (path && *path)
		return take_socket(c, path);
	a = arena_new(CONFIG_ARENA);
	if (!a)
		return fault_set(&c->fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	err = config_load(config_path(c), a, &settings, &fault);
	if (err == KERR_OK)
		err = take_socket(c, record_text(settings, SETTINGS_SOCKET));
	else if ((err == KERR_NOTFOUND || err == KERR_DENIED) &&
		 !c->args.options[OPTION_CONFIG] && !getenv("KEYD_CONFIG"))
		err = take_socket(c, "/run/keyd/keyd.sock");
	else
		c->fault = fault;
	arena_free(a);
	return err;
}

enum kerr
call_broken(struct cli *c, enum kerr err)
{
	if (err == KERR_NOTFOUND)
		return fault_set(&c->fault, KERR_CLOSED, "",
			"keyd does not run: there is no socket %.200s; keyd serve starts "
			"it, --socket names another",
			c->socket);
	if (err == KERR_CLOSED && !c->after_send)
		return fault_set(&c->fault, err, "",
			"keyd does not run: nobody listens on %.200s; keyd serve starts "
			"it",
			c->socket);
	if (c->after_send && (err == KERR_CLOSED || err == KERR_TIMEOUT))
		return fault_set(&c->fault, err, "",
			"%s; whether it happened is not known%s%s",
			err == KERR_TIMEOUT
				? "keyd did not answer in time"
				: "keyd ended the connection before it answered",
			c->request[0] ? ": --retry " : "", c->request);
	if (err == KERR_DENIED)
		return fault_set(&c->fault, err, "",
			"your user may not use %.200s: only members of the group that "
			"admin.socket_group of the configuration names may",
			c->socket);
	if (err == KERR_BUSY)
		return fault_set(
			&c->fault, err, "", "too many people wait for %.200s", c->socket);
	return fault_set(&c->fault, err, "", "%s", kerr_text(err));
}

enum kerr
call_take_problem(struct cli *c, unsigned status, const void *body, size_t len,
	const char *retry_after)
{
	int64_t seconds = 0;

	/* keyd answered, so what it did is known. */
	c->after_send = false;
	c->fault = (struct fault){0};
	buf_reset(&c->problem);
	if (retry_after &&
		text_to_int(retry_after, strlen(retry_after), &seconds) == KERR_OK)
		c->retry_after = (unsigned)(seconds < 86400 ? seconds : 86400);
	if (json_problem_read(body, len, &c->fault) != KERR_OK)
		return fault_set(&c->fault, KERR_PROTOCOL, "",
			"keyd answered with status %u and no reason", status);
	buf_put(&c->problem, body, len);
	return c->fault.err != KERR_OK ? c->fault.err : KERR_PROTOCOL;
}

enum kerr
call_name_request(struct cli *c)
{
	const char *given = c->args.options[OPTION_RETRY];
	uint8_t bits[16];
	size_t len;

	if (!given)
		given = c->args.options[OPTION_REQUEST_ID];
	if (!given) {
		randombytes_buf(bits, sizeof(bits));
		sodium_bin2hex(c->request, sizeof(c->request), bits, sizeof(bits));
		return KERR_OK;
	}
	len = strlen(given);
	if (len < REQUEST_ID_MIN || len >= sizeof(c->request) || len % 2 ||
		given[strspn(given, "0123456789abcdefABCDEF")])
		return fault_set(&c->fault, KERR_INVALID, "request-id",
			"it must be 32 to 128 hexadecimal digits, an even number");
	memcpy(c->request, given, len + 1);
	return KERR_OK;
}

enum kerr
call_target(struct cli *c, const char *path, const char *ref, struct buf *out)
{
	const char *mark = strstr(path, "{ref}");
	bool more = false;
	enum kerr err;

	if (mark) {
		buf_put(out, path, (size_t)(mark - path));
		path_add(out, ref);
		buf_put_text(out, mark + strlen("{ref}"));
	} else {
		buf_put_text(out, path);
	}
	if (c->args.query.len) {
		buf_put_u8(out, '?');
		buf_put(out, c->args.query.data, c->args.query.len);
		more = true;
	}
	if (cli_has(c, OPTION_DRY_RUN)) {
		buf_put_text(out, more ? "&dry_run=1" : "?dry_run=1");
		more = true;
	}
	if (cli_has(c, OPTION_ACCEPT))
		buf_put_text(out, more ? "&accept=1" : "?accept=1");
	err = buf_error(out);
	return err == KERR_OK ? err : fault_set(&c->fault, err, "", "%s", kerr_text(err));
}

/* A connection that keyd closed while a person was reading is opened again; nothing was
 * sent on it. */
static enum kerr
begin(struct cli *c, const struct http_request *q)
{
	enum kerr err;

	c->after_send = false;
	if (!c->http)
		c->http = http_client_new(ANSWER_MAX, ASK_MAX);
	if (!c->http)
		return call_broken(c, KERR_NOMEM);
	err = http_client_request(c->http, q);
	if (err == KERR_CLOSED) {
		err = c->socket[0] ? KERR_OK : call_find_socket(c);
		if (err != KERR_OK)
			return err;
		err = http_client_connect_wait(c->http, c->socket, CONNECT_MS);
		if (err == KERR_OK)
			err = http_client_request(c->http, q);
	}
	return err == KERR_OK ? err : call_broken(c, err);
}

static enum kerr
wait_for(struct cli *c)
{
	struct progress p;
	enum kerr err;

	c->after_send = true;
	progress_start(&p, NULL);
	while ((err = http_client_wait(c->http, STEP_MS)) == KERR_TIMEOUT &&
		progress_seconds(&p) < ANSWER_SECONDS)
		progress_step(&p, 0, 0);
	progress_end(&p);
	if (err == KERR_TIMEOUT)
		http_client_close(c->http);
	if (err == KERR_OK)
		return err;
	return call_broken(c, err);
}

/* The headers of a request; value holds what the version needs. */
static size_t
put_headers(const struct cli *c, const struct call *q, struct http_header h[3],
	char value[32])
{
	const char *version = c->args.options[OPTION_IF_VERSION];
	size_t n = 0;

	if (q->body)
		h[n++] = (struct http_header){"Content-Type", "application/json"};
	if (q->once && c->request[0])
		h[n++] = (struct http_header){"Idempotency-Key", c->request};
	if (q->changes && version) {
		snprintf(value, 32, "\"%.20s\"", version);
		h[n++] = (struct http_header){"If-Match", value};
	}
	return n;
}

enum kerr
call(struct cli *c, const struct call *q, const uint8_t **ret_body, size_t *ret_len)
{
	struct http_header headers[3];
	struct http_request request = {
		.method = q->method, .target = q->target, .headers = headers};
	char version[32];
	struct buf body;
	unsigned status;
	enum kerr err = KERR_OK;

	buf_init(&body, BODY_MAX);
	c->fault = (struct fault){0};
	c->retry_after = 0;
	buf_reset(&c->problem);
	if (q->body) {
		json_record_write(&body, q->body, JSON_WITH_SECRETS);
		err = buf_error(&body);
		if (err != KERR_OK)
			err = fault_set(&c->fault, err, "", "%s", kerr_text(err));
	}
	request.header_count = put_headers(c, q, headers, version);
	request.body = body.data;
	request.body_len = body.len;
	if (err == KERR_OK)
		err = begin(c, &request);
	buf_clear(&body);
	if (err == KERR_OK)
		err = wait_for(c);
	if (err != KERR_OK)
		return err;
	c->after_send = false;
	*ret_body = http_client_body(c->http, ret_len);
	status = http_client_status(c->http);
	if (status >= 200 && status < 300)
		return KERR_OK;
	return call_take_problem(c, status, *ret_body, *ret_len,
		http_client_header(c->http, "Retry-After"));
}

enum kerr
call_show(struct cli *c, const char *path, const char *ref, const struct schema *s,
	struct record **ret)
{
	struct call q = {.method = "GET"};
	const char *mark = strstr(path, "{ref}");
	const uint8_t *body;
	struct buf target;
	size_t len;
	enum kerr err;

	buf_init(&target, ASK_MAX);
	buf_put(&target, path, mark ? (size_t)(mark - path) : strlen(path));
	if (mark)
		path_add(&target, ref);
	q.target = buf_text(&target);
	err = q.target ? call(c, &q, &body, &len) : call_broken(c, buf_error(&target));
	if (err == KERR_OK) {
		err = json_record_read(s, c->arena, body, len, ret, &c->fault);
		if (err != KERR_OK)
			err = fault_set(&c->fault, KERR_PROTOCOL, "",
				"keyd's answer is not understood; keyd and its command "
				"line are of different releases");
	}
	buf_clear(&target);
	return err;
}
