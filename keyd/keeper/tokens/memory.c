#include "keyd/keeper/tokens/tokens.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <string.h>

/* OpenSSL's memory in the keeper. What OpenSSL marks as secret (an EC key's scalar,
 * numbers of a signature in work) lies on its own locked heap; RSA keys that are read
 * back lie in ordinary memory, since OpenSSL 3.0 builds them there. Whatever it frees is
 * wiped. */

#define LOCKED_HEAP  ((size_t)64 << 10)
#define LOCKED_LEAST 32

static void *
wiping_malloc(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return len > 0 ? mem_new(1, len) : NULL;
}

static void
wiping_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p == NULL)
		return;
	sodium_memzero(p, malloc_usable_size(p));
	mem_free(p);
}

static void *
wiping_realloc(void *old, size_t len, const char *file, int line)
{
	size_t kept = old != NULL ? malloc_usable_size(old) : 0;
	void *p;

	if (len == 0) {
		wiping_free(old, file, line);
		return NULL;
	}
	p = wiping_malloc(len, file, line);
	if (p == NULL)
		return NULL;
	if (kept > 0)
		memcpy(p, old, kept < len ? kept : len);
	wiping_free(old, file, line);
	return p;
}

enum kerr
tokens_start(struct fault *fault)
{
	if (CRYPTO_secure_malloc_initialized())
		return KERR_OK;
	if (CRYPTO_set_mem_functions(wiping_malloc, wiping_realloc, wiping_free) != 1)
		return fault_set(fault, KERR_INTERNAL, "", "OpenSSL was in use already");
	/* Its configuration file could name engines and other defaults. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return fault_set(fault, KERR_CRYPTO, "", "OpenSSL does not start");
	if (CRYPTO_secure_malloc_init(LOCKED_HEAP, LOCKED_LEAST) != 1)
		return fault_set(fault, KERR_NOMEM, "RLIMIT_MEMLOCK",
			"%zu KiB of memory for signing keys cannot be had or locked",
			LOCKED_HEAP >> 10);
	return KERR_OK;
}
