#include "keyd/front/tls.h"

#include <malloc.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sodium.h>

#include "core/arena.h"

#define CIPHERS_12                                                                       \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                     \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                     \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_13                                                                       \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS         "P-256:X25519"
#define TICKET_SECONDS 3600
#define CHAIN_MAX      8

struct tls {
	SSL_CTX *ctx; /* NULL until there is a certificate */
};

static void *
wiped_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size ? mem_new(1, size) : NULL;
}

static void
wiped_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p)
		sodium_memzero(p, malloc_usable_size(p));
	mem_free(p);
}

static void *
wiped_realloc(void *p, size_t size, const char *file, int line)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *more;

	if (size && size <= old)
		return p;
	more = wiped_malloc(size, file, line);
	if (more && p)
		memcpy(more, p, old);
	if (more || !size)
		wiped_free(p, file, line);
	return more;
}

bool
tls_wipe_memory(void)
{
	return CRYPTO_set_mem_functions(wiped_malloc, wiped_realloc, wiped_free) == 1;
}

struct tls *
tls_new(void)
{
	return mem_new(1, sizeof(struct tls));
}

void
tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	mem_free(t);
}

/* RFC 7301: HTTP/1.1 is what is spoken here; who insists on something else is refused. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned int in_len, void *context)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)context;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
new_context(void)
{
	char groups[] = GROUPS; /* the macro below takes the const off */
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(
		ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TICKET_SECONDS);
	SSL_CTX_set_num_tickets(ctx, 1);
	/* One system call a record instead of two. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(ctx, CIPHERS_12) != 1 ||
		SSL_CTX_set_ciphersuites(ctx, CIPHERS_13) != 1 ||
		SSL_CTX_set1_groups_list(ctx, groups) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static enum kerr
use_chain(SSL_CTX *ctx, const char *pem, size_t len, struct fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *leaf = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
	enum kerr err = KERR_OK;

	if (!leaf || SSL_CTX_use_certificate(ctx, leaf) != 1)
		err = fault_set(fault, KERR_INVALID, "tls.certificate",
			"the file holds no certificate in PEM form that TLS can use");
	for (unsigned i = 0; err == KERR_OK && i < CHAIN_MAX; i++) {
		X509 *next = PEM_read_bio_X509(bio, NULL, NULL, NULL);

		if (!next)
			break;
		if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
			X509_free(next);
			err = fault_set(fault, KERR_INVALID, "tls.certificate",
				"the chain behind the certificate cannot be used");
		}
	}
	X509_free(leaf);
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

/* A key file with a passphrase is not taken: nobody is there to type it. */
static int
no_passphrase(char *buf, int size, int rwflag, void *context)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)context;
	return -1;
}

static enum kerr
use_key(SSL_CTX *ctx, const char *pem, size_t len, struct fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key =
		bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	enum kerr err = KERR_OK;

	if (!key)
		err = fault_set(fault, KERR_INVALID, "tls.key",
			"the file holds no private key in PEM form without a passphrase");
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
		 SSL_CTX_check_private_key(ctx) != 1)
		err = fault_set(fault, KERR_INVALID, "tls.key",
			"the private key is not the one of the certificate");
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

enum kerr
tls_use(struct tls *t, const char *chain, size_t chain_len, const char *key,
	size_t key_len, struct fault *fault)
{
	SSL_CTX *ctx = new_context();
	enum kerr err;

	if (!ctx)
		return fault_set(fault, KERR_CRYPTO, "", "OpenSSL cannot be set up");
	err = use_chain(ctx, chain, chain_len, fault);
	if (err == KERR_OK)
		err = use_key(ctx, key, key_len, fault);
	if (err != KERR_OK) {
		SSL_CTX_free(ctx);
		return err;
	}
	SSL_CTX_free(t->ctx);
	t->ctx = ctx;
	return KERR_OK;
}

struct ssl_st *
tls_session(struct tls *t, int fd)
{
	SSL *ssl = t->ctx ? SSL_new(t->ctx) : NULL;

	if (ssl && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

void
tls_end(struct ssl_st *session)
{
	SSL_free(session);
}

static enum tls_result
result_of(SSL *ssl, int ret)
{
	switch (SSL_get_error(ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return TLS_CLOSED;
	default:
		ERR_clear_error();
		return TLS_BROKEN;
	}
}

enum tls_result
tls_handshake(struct ssl_st *session)
{
	int ret = SSL_do_handshake(session);

	return ret == 1 ? TLS_DONE : result_of(session, ret);
}

enum tls_result
tls_read(struct ssl_st *session, void *bytes, size_t size, size_t *ret)
{
	int n = SSL_read_ex(session, bytes, size, ret);

	return n == 1 ? TLS_DONE : result_of(session, n);
}

enum tls_result
tls_write(struct ssl_st *session, const void *bytes, size_t len, size_t *ret)
{
	int n = SSL_write_ex(session, bytes, len, ret);

	return n == 1 ? TLS_DONE : result_of(session, n);
}

bool
tls_has_more(const struct ssl_st *session)
{
	return SSL_has_pending(session) == 1;
}

void
tls_drop_buffers(struct ssl_st *session)
{
	/* Refused while something is in them; then they are needed. */
	(void)SSL_free_buffers(session);
}

void
tls_say_goodbye(struct ssl_st *session)
{
	if (SSL_is_init_finished(session))
		(void)SSL_shutdown(session);
	ERR_clear_error();
}
