#include <check.h>
#include "keyd/keeper/store/store.h"
