#include <stdint.h>
#include "core/buf.h"
#include "keyd/front/route.h"
#include "buf.h"
