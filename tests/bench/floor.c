/* The floor of cost: one thread, epoll, OpenSSL, and an answer. What keyd needs beyond
 * this is keyd's own.
 *
 * bench-floor --port N --cert FILE --key FILE [--auth-lookup] [--sign es256] [--dump
 * FILE]
 *
 * Without options every request gets the same 316 bytes. --auth-lookup authenticates the
 * client and looks the token up among a million. With --sign es256 a request to
 * /oauth/token is authenticated and gets a JWT signed for it, stored nowhere. It says
 * "ready" on standard output once it listens, on loopback only. */
#include "tests/bench/floor_http.h"
#include "tests/bench/floor_work.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS      10000
#define TOKENS       1000000
#define DUMPED       20000
#define ANSWER_BYTES 316
#define IN_BYTES     16384
#define OUT_BYTES    16384

struct options {
	int port;
	const char *cert;
	const char *key;
	const char *dump;
	bool auth_lookup;
	bool sign;
};

struct connection {
	SSL *ssl;
	bool closing;
	bool waits_to_write;
	size_t in_len;
	size_t out_len;
	size_t out_sent;
	char in[IN_BYTES];
	char out[OUT_BYTES];
};

struct server {
	struct options options;
	struct work *work;
	SSL_CTX *tls;
	int listener;
	int epoll;
	char answer[ANSWER_BYTES + 1];
};

/* An introspection answer of the length that every peer gives. */
static void
answer_make(char answer[ANSWER_BYTES + 1])
{
	static const char head[] =
		"{\"active\":true,\"iss\":\"https://127.0.0.1\",\"aud\":\"https://"
		"127.0.0.1\","
		"\"sub\":\"floor0000001\",\"client_id\":\"floor0000001\",\"exp\":"
		"1790000600,"
		"\"iat\":1790000000,\"scope\":\"SIS-Vendor\",\"claimset\":\"SIS Vendor\","
		"\"school_year\":2026,\"ods_ids\":[1],\"token_type\":\"Bearer\",\"note\":"
		"\"";

	memset(answer, '-', ANSWER_BYTES);
	memcpy(answer, head, sizeof head - 1);
	memcpy(answer + ANSWER_BYTES - 2, "\"}", 3);
}

static bool
reply(struct connection *c, const char *status, const char *body, size_t len)
{
	size_t left = sizeof c->out - c->out_len;
	int n = snprintf(c->out + c->out_len, left,
		"HTTP/1.1 %s\r\nContent-Type: application/json\r\nCache-Control: "
		"no-store\r\n"
		"Content-Length: %zu\r\n%s\r\n",
		status, len, c->closing ? "Connection: close\r\n" : "");

	if (n < 0 || (size_t)n + len > left)
		return false;
	memcpy(c->out + c->out_len + n, body, len);
	c->out_len += (size_t)n + len;
	return true;
}

static bool
reply_token(struct server *s, struct connection *c)
{
	char jwt[2048];
	char body[2304];
	int len;

	if (work_sign(s->work, jwt, sizeof jwt) == 0)
		return false;
	len = snprintf(body, sizeof body,
		"{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":600}",
		jwt);
	return reply(c, "200 OK", body, (size_t)len);
}

static bool
answer(struct server *s, struct connection *c, const struct request *r)
{
	static const char refused[] = "{\"error\":\"invalid_client\"}";
	static const char inactive[] = "{\"active\":false}";
	const struct options *o = &s->options;

	if (!o->auth_lookup && !o->sign)
		return reply(c, "200 OK", s->answer, ANSWER_BYTES);
	if (!work_authenticated(s->work, r->basic))
		return reply(c, "401 Unauthorized", refused, sizeof refused - 1);
	if (o->sign && r->path.len == 12 && memcmp(r->path.at, "/oauth/token", 12) == 0)
		return reply_token(s, c);
	if (!work_known(s->work, form_field(r->body, "token")))
		return reply(c, "200 OK", inactive, sizeof inactive - 1);
	return reply(c, "200 OK", s->answer, ANSWER_BYTES);
}

/* Answers every whole request that has come; false when the connection is to be dropped.
 */
static bool
answer_all(struct server *s, struct connection *c)
{
	size_t used = 0;
	size_t at = 0;
	struct request r;

	while (at < c->in_len && !c->closing) {
		switch (request_read(c->in + at, c->in_len - at, &r, &used)) {
		case REQUEST_BROKEN:
			return false;
		case REQUEST_PARTIAL:
			goto out;
		case REQUEST_WHOLE:
			break;
		}
		at += used;
		c->closing = r.last;
		if (!answer(s, c, &r))
			return false;
	}
out:
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	return c->in_len < sizeof c->in;
}

static void
drop(struct connection *c)
{
	int fd = SSL_get_fd(c->ssl);

	SSL_free(c->ssl);
	close(fd);
	free(c);
}

static void
interest(struct server *s, struct connection *c, bool to_write)
{
	struct epoll_event e = {
		.events = EPOLLIN | (to_write ? EPOLLOUT : 0), .data.ptr = c};

	if (c->waits_to_write != to_write)
		epoll_ctl(s->epoll, EPOLL_CTL_MOD, SSL_get_fd(c->ssl), &e);
	c->waits_to_write = to_write;
}

/* Sends what is waiting; false when the connection is to be dropped. */
static bool
flush(struct server *s, struct connection *c)
{
	while (c->out_sent < c->out_len) {
		int n = SSL_write(
			c->ssl, c->out + c->out_sent, (int)(c->out_len - c->out_sent));

		if (n <= 0) {
			interest(s, c, true);
			return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE;
		}
		c->out_sent += (size_t)n;
	}
	c->out_len = c->out_sent = 0;
	interest(s, c, false);
	if (c->closing)
		SSL_shutdown(c->ssl);
	return !c->closing;
}

/* One reading for each event: what is left makes epoll tell again, and an empty read
 * costs a system call. */
static bool
serve(struct server *s, struct connection *c)
{
	if (c->out_len > 0 && !flush(s, c))
		return false;
	do {
		int n = SSL_read(
			c->ssl, c->in + c->in_len, (int)(sizeof c->in - c->in_len));

		if (n <= 0)
			return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ;
		c->in_len += (size_t)n;
		if (!answer_all(s, c) || !flush(s, c))
			return false;
	} while (SSL_has_pending(c->ssl));
	return true;
}

static void
accept_all(struct server *s)
{
	for (;;) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct connection *c;
		struct epoll_event e = {.events = EPOLLIN};

		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		c = malloc(sizeof *c);
		if (c == NULL || (c->ssl = SSL_new(s->tls)) == NULL) {
			free(c);
			close(fd);
			return;
		}
		c->closing = c->waits_to_write = false;
		c->in_len = c->out_len = c->out_sent = 0;
		SSL_set_fd(c->ssl, fd);
		SSL_set_accept_state(c->ssl);
		e.data.ptr = c;
		if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
			drop(c);
	}
}

static _Noreturn void
loop(struct server *s)
{
	struct epoll_event events[256];
	struct epoll_event e = {.events = EPOLLIN};

	epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &e);
	for (;;) {
		int n = epoll_wait(s->epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c == NULL)
				accept_all(s);
			else if (!serve(s, c))
				drop(c);
		}
	}
}

static bool
tls_start(struct server *s)
{
	const struct options *o = &s->options;

	s->tls = SSL_CTX_new(TLS_server_method());
	if (s->tls == NULL)
		return false;
	SSL_CTX_set_read_ahead(s->tls, 1);
	SSL_CTX_set_mode(s->tls,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return SSL_CTX_set_min_proto_version(s->tls, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set1_groups(s->tls, &(int){NID_X9_62_prime256v1}, 1) == 1 &&
	       SSL_CTX_use_certificate_chain_file(s->tls, o->cert) == 1 &&
	       SSL_CTX_use_PrivateKey_file(s->tls, o->key, SSL_FILETYPE_PEM) == 1;
}

static bool
listen_start(struct server *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)s->options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->epoll < 0 || s->listener < 0)
		return false;
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	return bind(s->listener, (struct sockaddr *)&at, sizeof at) == 0 &&
	       listen(s->listener, 4096) == 0;
}

/* 0 when it is no port */
static int
port_read(const char *text)
{
	int port = 0;

	for (; *text >= '0' && *text <= '9' && port < 65536; text++)
		port = port * 10 + (*text - '0');
	return *text == '\0' && port < 65536 ? port : 0;
}

static bool
options_read(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {{"port", required_argument, NULL, 'p'},
		{"cert", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},
		{"auth-lookup", no_argument, NULL, 'a'},
		{"sign", required_argument, NULL, 's'},
		{"dump", required_argument, NULL, 'd'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->port = port_read(optarg);
			break;
		case 'c':
			o->cert = optarg;
			break;
		case 'k':
			o->key = optarg;
			break;
		case 'a':
			o->auth_lookup = true;
			break;
		case 's':
			if (strcmp(optarg, "es256") != 0)
				return false;
			o->sign = true;
			break;
		case 'd':
			o->dump = optarg;
			break;
		default:
			return false;
		}
	}
	return o->port > 0 && o->cert != NULL && o->key != NULL;
}

int
main(int argc, char **argv)
{
	static struct server s;
	bool works;

	if (!options_read(argc, argv, &s.options)) {
		fprintf(stderr, "usage: bench-floor --port N --cert FILE --key FILE "
				"[--auth-lookup] [--sign es256] [--dump FILE]\n");
		return 2;
	}
	sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	answer_make(s.answer);
	works = s.options.auth_lookup || s.options.sign;
	if (works) {
		s.work = work_new(CLIENTS, TOKENS, s.options.sign ? s.options.key : NULL);
		if (s.work == NULL ||
			(s.options.dump && !work_dump(s.work, s.options.dump, DUMPED))) {
			fprintf(stderr,
				"bench-floor: its clients and tokens cannot be made\n");
			return 1;
		}
	}
	if (!tls_start(&s) || !listen_start(&s)) {
		fprintf(stderr,
			"bench-floor: cannot listen on 127.0.0.1:%d with %s: %s\n",
			s.options.port, s.options.cert, strerror(errno));
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	loop(&s);
}
