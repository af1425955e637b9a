#ifndef KEYD_FRONT_UPLOAD_H
#define KEYD_FRONT_UPLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* A body of up to 1 GiB on its way to the keeper, application/x-keyd-restore:
 *
 *   u32    length of the JSON, little endian
 *   JSON   an object of backup_ask
 *   …      the backup, to the end of the body
 *
 * The backup goes into a memfd as it comes and never lies in this process. Only on the
 * local socket. */

#define UPLOAD_JSON_MAX 4096
#define UPLOAD_MAX      ((size_t)1 << 30)

struct exchange;
struct upload;

/* For a body of that length. NULL: no memory. */
struct upload *upload_new(uint64_t length);
void upload_free(struct upload *u); /* wipes, closes; NULL is fine */
/* How much to read at once: never beyond the end of the body. */
size_t upload_read_size(const struct upload *u);
/* The next bytes of the body. KERR_BUSY: more are to come. KERR_OK: that was all.
 * KERR_INVALID, KERR_IO and KERR_NOMEM with a fault. */
enum kerr upload_put(struct exchange *ex, const uint8_t *bytes, size_t len,
	struct fault *fault) MUST_CHECK;
/* Sends what was collected to the keeper as restore_ask. */
enum kerr upload_ask(struct exchange *ex, uint16_t number) MUST_CHECK;

#endif
