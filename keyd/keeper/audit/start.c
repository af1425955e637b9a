#include "keyd/keeper/audit/sink.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/model/model.h"

/* What stands in the sink, before anything is written to it: a database that was put back
 * is noticed by what the sink has seen since. */

#define DEPLOYMENT_LEN 32
/* Of file systems whose numbers <linux/magic.h> does not have. */
#define CIFS_MAGIC     UINT32_C(0xff534d42)
#define CEPH_MAGIC     UINT32_C(0x00c36400)
#define GFS2_MAGIC     UINT32_C(0x01161970)
#define FUSE_MAGIC     UINT32_C(0x65735546)

int
sink_place_of(int sink_fd, int state_fd)
{
	static const uint32_t elsewhere[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,
		UINT32_C(0xfe534d42), CIFS_MAGIC, FUSE_MAGIC, V9FS_MAGIC, CEPH_MAGIC,
		GFS2_MAGIC, AFS_FS_MAGIC};
	struct stat sink, state;
	struct statfs fs;

	if (fstat(sink_fd, &sink) != 0 || fstatfs(sink_fd, &fs) != 0)
		return SINK_PLACE_SAME_DISK; /* the least that can be claimed */
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if ((uint32_t)fs.f_type == elsewhere[i])
			return SINK_PLACE_ELSEWHERE;
	}
	if (fstat(state_fd, &state) != 0 || sink.st_dev == state.st_dev)
		return SINK_PLACE_SAME_DISK;
	return SINK_PLACE_SAME_HOST;
}

/* The hash that the database has for a record of the sink. */
static enum kerr
hash_here(struct sink *s, uint64_t seq, uint8_t ret[TRAIL_HASH_LEN])
{
	enum kerr err = sink_read_begin(s);

	if (err != KERR_OK)
		return err;
	err = rows_hash(s->reader, s->arena, seq, ret);
	sink_read_end(s);
	return err;
}

/* Does the database have this record, and the same one? */
static enum kerr
compare(struct sink *s, const struct chain_place *goal, uint64_t seq,
	const uint8_t hash[TRAIL_HASH_LEN], const char *what)
{
	uint8_t ours[TRAIL_HASH_LEN];
	enum kerr err;

	if (seq > goal->seq) {
		sink_says(s,
			"the sink is ahead: its newest %s is of record %" PRIu64
			", the database ends with record %" PRIu64
			": it was put back, or lost what came after",
			what, seq, goal->seq);
		return KERR_CONFLICT;
	}
	err = hash_here(s, seq, ours);
	if (err == KERR_OK && memcmp(ours, hash, sizeof(ours)) == 0)
		return KERR_OK;
	if (err != KERR_OK && err != KERR_NOTFOUND && err != KERR_DAMAGED)
		return err;
	sink_says(s,
		"the sink's newest %s names another record %" PRIu64
		" than the database has: one of them was written anew",
		what, seq);
	return KERR_CONFLICT;
}

/* A file of another segment of this deployment: an older one must not go beyond where
 * ours begins, a newer one must not be there. */
static enum kerr
compare_other(struct sink *s, const struct chain_place *goal, const char *name,
	struct trail_text segment)
{
	uint8_t hash[TRAIL_HASH_LEN];
	uint64_t seq = 0;
	bool broken;
	int fd = -1;
	enum kerr err = sink_open_read(s->dir, name, &fd);

	if (err == KERR_OK) {
		err = sink_last_record(fd, &seq, hash, &broken);
		close(fd);
	}
	if (err == KERR_NOTFOUND || (err == KERR_OK && seq < goal->first))
		return KERR_OK;
	if (err != KERR_OK) {
		sink_says(s, "%s in the sink cannot be read, or ends in no record", name);
		return err;
	}
	sink_says(s,
		"the sink is ahead: it has record %" PRIu64
		" of segment %.*s, which the database does not know",
		seq, (int)segment.len, segment.p);
	return KERR_CONFLICT;
}

static enum kerr
look_around(struct sink *s, const struct chain_place *goal)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	enum kerr err = KERR_OK;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		sink_says(s, "the sink's directory cannot be read");
		return KERR_IO;
	}
	while (err == KERR_OK && (entry = readdir(dir)) != NULL) {
		struct trail_text segment;

		if (!sink_file_is(entry->d_name, false, &segment) ||
			memcmp(segment.p, goal->segment, DEPLOYMENT_LEN) != 0 ||
			(segment.len == strlen(goal->segment) &&
				memcmp(segment.p, goal->segment, segment.len) == 0))
			continue;
		err = compare_other(s, goal, entry->d_name, segment);
	}
	closedir(dir);
	return err;
}

static enum kerr
open_records(struct sink *s, const struct chain_place *goal, struct chain_place *at)
{
	uint64_t seq = 0;
	int fd = -1;
	enum kerr err = sink_file_open(&s->records, s->dir, goal->segment, false);

	*at = *goal;
	at->seq = goal->first - 1;
	trail_begin(at->segment, at->head);
	if (err == KERR_OK)
		err = sink_open_read(s->dir, s->records.name, &fd);
	if (err != KERR_OK) {
		sink_says(s, "the sink's file %s cannot be opened", s->records.name);
		return KERR_IO;
	}
	err = sink_last_record(fd, &seq, at->head, &s->records.broken);
	close(fd);
	if (err == KERR_NOTFOUND)
		return KERR_OK;
	if (err != KERR_OK) {
		sink_says(s, "the newest line of the sink's file %s is no record",
			s->records.name);
		return err;
	}
	at->seq = seq;
	return KERR_OK;
}

static enum kerr
open_heads(struct sink *s, const struct chain_place *goal)
{
	int fd = -1;
	enum kerr err = sink_file_open(&s->heads, s->dir, goal->segment, true);

	s->head.seq = 0;
	if (err == KERR_OK)
		err = sink_open_read(s->dir, s->heads.name, &fd);
	if (err != KERR_OK) {
		sink_says(s, "the sink's file %s cannot be opened", s->heads.name);
		return KERR_IO;
	}
	err = sink_last_head(fd, &s->head, &s->heads.broken);
	close(fd);
	if (err == KERR_NOTFOUND) {
		s->head.seq = 0;
		return KERR_OK;
	}
	if (err != KERR_OK)
		sink_says(s, "the sink's file %s ends in no head", s->heads.name);
	return err;
}

enum kerr
sink_compare(struct sink *s, const struct chain_place *goal)
{
	struct chain_place at;
	enum kerr err;

	sink_busy(s, true);
	sink_file_close(&s->records);
	sink_file_close(&s->heads);
	err = look_around(s, goal);
	if (err == KERR_OK)
		err = open_records(s, goal, &at);
	if (err == KERR_OK)
		err = open_heads(s, goal);
	sink_busy(s, false);
	if (err == KERR_OK && at.seq >= goal->first)
		err = compare(s, goal, at.seq, at.head, "record");
	if (err == KERR_OK && s->head.seq > 0)
		err = compare(s, goal, s->head.seq, s->head.hash, "head");
	if (err == KERR_OK)
		s->at = at;
	return err;
}
