#ifndef KEYD_PARENT_CONFIG_CONFIG_H
#define KEYD_PARENT_CONFIG_CONFIG_H

#include "core/record.h"
#include "keyd/role/settings.h"

/* The configuration file: YAML, checked against settings.def. Linked by parent and
 * command line. */

#define CONFIG_PATH  "/etc/keyd/keyd.yaml"
#define CONFIG_MAX   (256u * 1024u) /* bytes of a file */
#define CONFIG_ARENA (4u * 1024u * 1024u)

/* Reads and checks the file; *ret is complete (defaults are set) and lives in the arena
 * (CONFIG_ARENA bytes suffice). On failure the fault's text names file and line and says
 * what would be right, its field is the key's path. KERR_NOTFOUND, KERR_DENIED, KERR_IO:
 * the file; KERR_INVALID: what it says. */
enum kerr config_load(const char *path, struct arena *a, struct record **ret,
	struct fault *fault) MUST_CHECK;
/* The same for text in memory; file is what messages call it. */
enum kerr config_read(const char *file, const char *bytes, size_t len, struct arena *a,
	struct record **ret, struct fault *fault) MUST_CHECK;

/* Appends all effective values as YAML that config_read() takes back, each with a
 * comment: what it is, unit, bounds, default, whether SIGHUP takes it over. */
void config_show(const struct record *settings, struct buf *out);

#endif
