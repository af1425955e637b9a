#ifndef KEYD_CORE_NEEDS_H
#define KEYD_CORE_NEEDS_H

/* uint32_t comes from nowhere */
uint32_t needs_it(void);

#endif
