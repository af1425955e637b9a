#ifndef KEYD_KEEPER_AUDIT_SINK_FILE_H
#define KEYD_KEEPER_AUDIT_SINK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/trail/note.h"

/* A file of the sink: appended to, never cut, never written over. What a broken write
 * left at its end is closed with a mark that readers pass over (docs/audit.md). */

#define SINK_NAME_SIZE 96

struct sink_file {
	int fd; /* -1: not open */
	int dir;
	bool broken; /* ends in what a write left that did not come to its end */
	bool notes;  /* heads; else records */
	char name[SINK_NAME_SIZE];
};

/* The name of a segment's file. */
void sink_file_name(char out[SINK_NAME_SIZE], const char *segment, bool notes);
/* Is this such a name? Gives its segment. */
bool sink_file_is(const char *name, bool notes, struct trail_text *ret_segment);

/* Opens it for appending; makes it when there is none. KERR_IO. */
enum kerr sink_file_open(
	struct sink_file *f, int dir, const char *segment, bool notes) MUST_CHECK;
void sink_file_close(struct sink_file *f); /* fine when it is not open */
/* Appends, waits until it is on the medium, opens the file by its name anew, and
 * compares. KERR_FULL, KERR_IO: close it and open it again. */
enum kerr sink_file_add(struct sink_file *f, const void *bytes, size_t len) MUST_CHECK;

/* The newest record or head of a file that is open for reading, and whether something
 * broken follows it. KERR_NOTFOUND: there is none; KERR_DAMAGED: what is there is none.
 */
enum kerr sink_last_record(int fd, uint64_t *ret_seq, uint8_t ret_hash[TRAIL_HASH_LEN],
	bool *ret_broken) MUST_CHECK;
enum kerr sink_last_head(int fd, struct note *ret, bool *ret_broken) MUST_CHECK;
/* Opens a file of the sink for reading, a regular one only. KERR_NOTFOUND, KERR_IO. */
enum kerr sink_open_read(int dir, const char *name, int *ret_fd) MUST_CHECK;

#endif
