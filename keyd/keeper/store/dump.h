#ifndef KEYD_KEEPER_STORE_DUMP_H
#define KEYD_KEEPER_STORE_DUMP_H

#include <stddef.h>

/* All rows as a stream, for a backup. A head: magic, u16 schema number, u16 tables, each
 * u16 length and name. Then items: u8 kind, u16 table, u32 length, and so many bytes: of
 * a former version i64 valid_to, of any security row u32 mac_key, the MAC and i64
 * valid_from; then the record. At the end u8 0 and u64 items. Little endian. */

#define DUMP_MAGIC "keyd rows 1\n"
#define DUMP_ARENA ((size_t)128 << 20) /* of one row */

enum dump_item { DUMP_END, DUMP_ROW, DUMP_PAST };

#endif
