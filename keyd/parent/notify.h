#ifndef KEYD_PARENT_NOTIFY_H
#define KEYD_PARENT_NOTIFY_H

#include <stdint.h>

/* What systemd is told, by its documented protocol (sd_notify(3)); nothing when it did
 * not start us. */

/* Lines like "READY=1". What cannot be sent is dropped: systemd's own time limits tell of
 * it. */
void notify_send(const char *lines);
/* "RELOADING=1", with the moment that systemd wants beside it. */
void notify_reloading(void);
/* How often systemd wants to hear WATCHDOG=1, in milliseconds (half of its limit); 0: not
 * at all. */
uint64_t notify_watchdog_ms(void);

#endif
