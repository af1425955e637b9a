#include <curses.h>
#include "keyd/courier/send.h"
