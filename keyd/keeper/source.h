#ifndef KEYD_KEEPER_SOURCE_H
#define KEYD_KEEPER_SOURCE_H

#include <stdint.h>

/* Where a request came from, as a front tells it: 16 bytes, IPv4 mapped into IPv6 (RFC
 * 4291 section 2.5.5.2). Whoever has an IPv6 address has its whole /64, so that is what
 * is counted and kept. */

#define SOURCE_LEN       16
#define SOURCE_TEXT_SIZE 48

/* The address itself for IPv4, the /64 for IPv6. */
void source_network(const uint8_t source[SOURCE_LEN], uint8_t ret[SOURCE_LEN]);
/* The network as a person writes it: "192.0.2.7", "2001:db8::/64". */
void source_text(const uint8_t source[SOURCE_LEN], char ret[SOURCE_TEXT_SIZE]);

#endif
