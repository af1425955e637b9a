#ifndef KEYD_CORE_BUF_H
#define KEYD_CORE_BUF_H
#include <stdint.h>
#endif
