#include "keyd/keeper/store/store.h"
