#include "keyd/keeper/audit/audit.h"
