#ifndef KEYD_FRONT_PROXY_H
#define KEYD_FRONT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"

/* Whose word about a caller's address counts: peers in trusted_proxies, by PROXY protocol
 * v2, or by one configured header field, of which the last hop that is not ours is taken.
 * From anyone else both are ignored or refused. Addresses are 16 bytes, IPv4 mapped. */
struct proxies;

/* *ret is NULL when the settings trust nobody. KERR_INVALID names the network that is
 * none. */
enum kerr proxies_new(const struct record *settings, struct proxies **ret,
	struct fault *fault) MUST_CHECK;
void proxies_free(struct proxies *p); /* NULL is fine, here and below */

/* Is the address in one of the trusted networks? */
bool proxy_trusts(const struct proxies *p, const uint8_t address[16]);
/* Does a connection from there begin with a PROXY header? */
bool proxy_sends_header(const struct proxies *p, const uint8_t address[16]);
/* The name of the header field, in lower case; NULL when it is PROXY protocol. */
const char *proxy_field(const struct proxies *p);

/* Takes a PROXY v2 header off the socket and the caller's address from it. KERR_BUSY: not
 * all of it is there; *ret_want says how many bytes to wait for. KERR_PROTOCOL: it is
 * none. */
enum kerr proxy_read_header(int fd, uint8_t address[16], size_t *ret_want) MUST_CHECK;
/* Of the field's list of addresses, from right to left the first that is not a trusted
 * proxy's; address stays as it is where the list ends or is not well-formed. */
void proxy_read_field(
	const struct proxies *p, const char *list, size_t len, uint8_t address[16]);

#endif
