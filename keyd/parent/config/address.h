#ifndef KEYD_PARENT_CONFIG_ADDRESS_H
#define KEYD_PARENT_CONFIG_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "core/err.h"

/* Addresses of the configuration, by number only: a name service has no part in what keyd
 * listens on. */

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_storage room;
	} at;
	socklen_t len;
};

/* "127.0.0.1:8443" or "[::1]:8443", port 1 to 65535. KERR_INVALID. */
enum kerr address_read(const char *text, struct address *ret) MUST_CHECK;
/* "10.0.0.0/8", "2001:db8::/32", or one address. No bit may be set behind the prefix. */
bool address_is_network(const char *text);

#endif
