#ifndef KEYD_FRONT_SOURCES_H
#define KEYD_FRONT_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

/* How many connections each address has open: an IPv4 address, or the /64 of an IPv6
 * one, since who has one of its addresses has them all. */
struct sources;

/* For at most max connections; NULL: no memory. */
struct sources *sources_new(uint32_t max);
void sources_free(struct sources *s); /* NULL is fine */
/* One more; false when the address has limit connections already. */
bool sources_add(struct sources *s, const uint8_t address[16], uint32_t limit);
void sources_remove(struct sources *s, const uint8_t address[16]);

#endif
