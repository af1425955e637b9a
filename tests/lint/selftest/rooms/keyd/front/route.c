#include "keyd/front/route.h"
/* #include <sqlite3.h> */
#include <sqlite3.h>
#include "keyd/keeper/store/store.h"
#include <uv.h>
