/* A comment may come first. */
#ifndef KEYD_CORE_STANDS_H
#define KEYD_CORE_STANDS_H

#include <stdint.h>

struct elsewhere;

uint32_t stands(const struct elsewhere *e);

#endif
