#include "keyd/front/tls.h"

#include "tests/unit/front_rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>

#include "core/clock.h"
#include "keyd/front/connection.h"

static struct rig *rig;
static SSL_CTX *client;
static char certificate[8192], key[8192], other_key[8192];

static void
to_pem(BIO *bio, char *out, size_t size)
{
	int n = BIO_read(bio, out, (int)size - 1);

	ck_assert_int_gt(n, 0);
	out[n] = '\0';
	BIO_free(bio);
}

static void
write_key(EVP_PKEY *pkey, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());

	ck_assert_int_eq(
		PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	to_pem(bio, out, size);
}

static void
make_certificate(long serial)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, pkey);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const uint8_t *)"localhost", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	ck_assert_int_gt(X509_sign(x, pkey, EVP_sha256()), 0);
	ck_assert_int_eq(PEM_write_bio_X509(bio, x), 1);
	to_pem(bio, certificate, sizeof(certificate));
	write_key(pkey, key, sizeof(key));
	write_key(other, other_key, sizeof(other_key));
	X509_free(x);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(other);
}

static enum kerr
use(const char *chain, const char *secret)
{
	struct fault fault;

	return tls_use(
		rig->front.tls, chain, strlen(chain), secret, strlen(secret), &fault);
}

static void
setup(void)
{
	rig = rig_start(false);
	rig->front.plain = false;
	make_certificate(1);
	ck_assert_int_eq(use(certificate, key), KERR_OK);
	client = SSL_CTX_new(TLS_client_method());
}

static void
teardown(void)
{
	SSL_CTX_free(client);
	rig_end(rig);
}

/* A connected socket of TCP; the front has the other end. */
static int
dial(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s;
	socklen_t len = sizeof(a);

	ck_assert_int_eq(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(l, 1), 0);
	ck_assert_int_eq(getsockname(l, (struct sockaddr *)&a, &len), 0);
	ck_assert_int_eq(connect(c, (struct sockaddr *)&a, sizeof(a)), 0);
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	ck_assert_int_ge(s, 0);
	close(l);
	ck_assert_int_eq(fcntl(c, F_SETFL, O_NONBLOCK), 0);
	front_serve(&rig->front, s, DOOR_PUBLIC);
	return c;
}

static SSL *
handshake(int fd)
{
	SSL *ssl = SSL_new(client);

	SSL_set_fd(ssl, fd);
	SSL_set_connect_state(ssl);
	for (int i = 0; i < 500; i++) {
		if (SSL_do_handshake(ssl) == 1)
			return ssl;
		rig_turn(rig);
	}
	SSL_free(ssl);
	return NULL;
}

/* The status of the answer; 0 when none comes. */
static unsigned
ask(SSL *ssl, const char *request)
{
	size_t n;

	ck_assert_int_eq(SSL_write_ex(ssl, request, strlen(request), &n), 1);
	rig->reply_len = 0;
	for (int i = 0; i < 500 && !rig_whole(rig); i++) {
		if (SSL_read_ex(ssl, rig->reply + rig->reply_len,
			    sizeof(rig->reply) - 1 - rig->reply_len, &n) == 1)
			rig->reply_len += n;
		rig->reply[rig->reply_len] = '\0';
		rig_turn(rig);
	}
	return rig_whole(rig) ? rig_status(rig) : 0;
}

static void
wait_ms(unsigned ms)
{
	uint64_t until = clock_monotonic_us() + ms * 1000;

	while (clock_monotonic_us() < until) {
		rig_turn(rig);
		usleep(2000);
	}
}

#define GET "GET /oauth/jwks HTTP/1.1\r\nHost: a\r\n\r\n"

START_TEST(requests_are_served_over_tls_1_2_and_1_3)
{
	int fd = dial();
	SSL *ssl = handshake(fd);

	ck_assert_ptr_nonnull(ssl);
	ck_assert_int_eq(SSL_version(ssl), TLS1_3_VERSION);
	ck_assert_uint_eq(ask(ssl, GET), 200);
	ck_assert_uint_eq(ask(ssl, GET), 200);
	SSL_free(ssl);
	close(fd);
	SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
	fd = dial();
	ssl = handshake(fd);
	ck_assert_ptr_nonnull(ssl);
	ck_assert_uint_eq(ask(ssl, GET), 200);
	SSL_free(ssl);
	close(fd);
}
END_TEST

START_TEST(older_versions_and_other_ciphers_are_refused)
{
	int fd = dial();

	SSL_CTX_set_security_level(client, 0);
	SSL_CTX_set_min_proto_version(client, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client, TLS1_1_VERSION);
	ck_assert_ptr_null(handshake(fd));
	close(fd);
	SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
	ck_assert_int_eq(SSL_CTX_set_cipher_list(client, "ECDHE-ECDSA-AES128-SHA256"), 1);
	fd = dial();
	ck_assert_ptr_null(handshake(fd));
	close(fd);
	ck_assert_uint_eq(rig->front.counters.handshakes, 0);
}
END_TEST

START_TEST(a_certificate_is_replaced_while_connections_go_on)
{
	int old = dial(), new;
	SSL *before = handshake(old), *after;

	ck_assert_ptr_nonnull(before);
	make_certificate(2);
	ck_assert_int_eq(use(certificate, key), KERR_OK);
	ck_assert_uint_eq(ask(before, GET), 200);
	new = dial();
	after = handshake(new);
	ck_assert_ptr_nonnull(after);
	ck_assert_int_eq(ASN1_INTEGER_get(X509_get0_serialNumber(
				 SSL_get0_peer_certificate(after))),
		2);
	ck_assert_int_eq(ASN1_INTEGER_get(X509_get0_serialNumber(
				 SSL_get0_peer_certificate(before))),
		1);
	SSL_free(before);
	SSL_free(after);
	close(old);
	close(new);
}
END_TEST

START_TEST(a_bad_certificate_leaves_the_one_in_use)
{
	int fd;
	SSL *ssl;

	ck_assert_int_eq(use("", key), KERR_INVALID);
	ck_assert_int_eq(use(certificate, ""), KERR_INVALID);
	ck_assert_int_eq(use(certificate, other_key), KERR_INVALID);
	ck_assert_int_eq(use(key, certificate), KERR_INVALID);
	fd = dial();
	ssl = handshake(fd);
	ck_assert_ptr_nonnull(ssl);
	ck_assert_uint_eq(ask(ssl, GET), 200);
	SSL_free(ssl);
	close(fd);
}
END_TEST

/* The first bytes that the client would send. */
static size_t
hello(uint8_t *ret, size_t size)
{
	SSL *ssl = SSL_new(client);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	int n;

	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	SSL_do_handshake(ssl);
	n = BIO_read(out, ret, (int)size);
	SSL_free(ssl);
	ck_assert_int_gt(n, 100);
	return (size_t)n;
}

START_TEST(a_hello_may_come_byte_by_byte)
{
	uint8_t bytes[4096];
	size_t len = hello(bytes, sizeof(bytes));
	char answer[16];
	int fd = dial();

	for (size_t i = 0; i < len; i++) {
		ck_assert_int_eq(send(fd, bytes + i, 1, MSG_NOSIGNAL), 1);
		rig_turn(rig);
	}
	wait_ms(50);
	ck_assert_int_gt(recv(fd, answer, sizeof(answer), 0), 5);
	ck_assert_int_eq(answer[0], 22);
	close(fd);
}
END_TEST

START_TEST(a_hello_that_never_ends_is_ended_in_time)
{
	uint8_t bytes[4096];
	char answer[16];
	int fd;

	rig->front.limits.handshake_ms = 200;
	fd = dial();
	hello(bytes, sizeof(bytes));
	ck_assert_int_eq(send(fd, bytes, 60, MSG_NOSIGNAL), 60);
	wait_ms(900);
	ck_assert_int_le(recv(fd, answer, sizeof(answer), 0), 0);
	close(fd);
}
END_TEST

START_TEST(what_is_not_tls_is_ended_at_once)
{
	char answer[16];
	int fd = dial();

	ck_assert_int_eq(send(fd, GET, strlen(GET), MSG_NOSIGNAL), strlen(GET));
	wait_ms(50);
	ck_assert_int_le(recv(fd, answer, sizeof(answer), 0), 0);
	ck_assert(errno != EAGAIN);
	close(fd);
	/* And one that says nothing and leaves does not keep the loop busy. */
	fd = dial();
	ck_assert_int_eq(send(fd, "\x16\x03", 2, MSG_NOSIGNAL), 2);
	rig_turn(rig);
	shutdown(fd, SHUT_WR);
	wait_ms(50);
	ck_assert_uint_eq(connections_count(rig->front.table), 0);
	close(fd);
}
END_TEST

START_TEST(a_session_goes_on_after_its_buffers_were_given_back)
{
	int fd = dial();
	SSL *ssl = handshake(fd);

	ck_assert_ptr_nonnull(ssl);
	ck_assert_uint_eq(ask(ssl, GET), 200);
	wait_ms(900);
	ck_assert_uint_eq(ask(ssl, GET), 200);
	ck_assert_uint_eq(ask(ssl, GET), 200);
	SSL_free(ssl);
	close(fd);
}
END_TEST

START_TEST(only_http_1_1_is_agreed_on)
{
	static const uint8_t both[] = "\x02h2\x08http/1.1", h2[] = "\x02h2";
	const unsigned char *chosen;
	unsigned int len;
	SSL *ssl;
	int fd;

	SSL_CTX_set_alpn_protos(client, both, sizeof(both) - 1);
	fd = dial();
	ssl = handshake(fd);
	ck_assert_ptr_nonnull(ssl);
	SSL_get0_alpn_selected(ssl, &chosen, &len);
	ck_assert_uint_eq(len, 8);
	SSL_free(ssl);
	close(fd);
	SSL_CTX_set_alpn_protos(client, h2, sizeof(h2) - 1);
	fd = dial();
	ck_assert_ptr_null(handshake(fd));
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tls_front");
	TCase *t = tcase_create("tls_front");
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	SRunner *r;
	int failed;

	/* As role_start() has it for every process. */
	if (!tls_wipe_memory() || sigaction(SIGPIPE, &ignore, NULL) != 0)
		return 1;
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, requests_are_served_over_tls_1_2_and_1_3);
	tcase_add_test(t, older_versions_and_other_ciphers_are_refused);
	tcase_add_test(t, a_certificate_is_replaced_while_connections_go_on);
	tcase_add_test(t, a_bad_certificate_leaves_the_one_in_use);
	tcase_add_test(t, a_hello_may_come_byte_by_byte);
	tcase_add_test(t, a_hello_that_never_ends_is_ended_in_time);
	tcase_add_test(t, what_is_not_tls_is_ended_at_once);
	tcase_add_test(t, a_session_goes_on_after_its_buffers_were_given_back);
	tcase_add_test(t, only_http_1_1_is_agreed_on);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
