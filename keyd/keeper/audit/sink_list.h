#ifndef KEYD_KEEPER_AUDIT_SINK_LIST_H
#define KEYD_KEEPER_AUDIT_SINK_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "core/trail/file.h"

/* The segments of one deployment in the sink, in the order of their first records.
 * Reading may hang as long as the sink's file system does. */

#define SINK_SEGMENTS_MAX 256

struct sink_list {
	size_t count;
	struct {
		uint64_t first;
		char segment[TRAIL_SEGMENT_SIZE];
	} at[SINK_SEGMENTS_MAX];
};

/* By files of records, or of heads. KERR_IO; KERR_TOO_LARGE: more than fit. */
enum kerr sink_list_read(
	struct sink_list *l, int dir, const char *deployment, bool notes) MUST_CHECK;

/* The file of a segment, read piece by piece; it may be growing. */
struct sink_reading {
	int fd;
	struct trail_file *file;
};
/* KERR_NOTFOUND, KERR_IO, KERR_NOMEM. */
enum kerr sink_reading_open(
	struct sink_reading *r, int dir, const char *segment, bool notes) MUST_CHECK;
void sink_reading_close(struct sink_reading *r); /* fine on a zeroed struct */

#endif
