#include "keyd/keeper/audit/sink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/trail/line.h"

#define RECORDS   "records-"
#define HEADS     "heads-"
#define LOG       ".log"
#define TAIL_MAX  (256 * 1024)
#define READ_BACK (64 * 1024)

/* What closes a broken piece: a record's line ends in '~', behind a head stands a line
 * "~" and an empty one. */
static const char broken_record[] = "~\n";
static const char broken_head[] = "\n~\n\n";

void
sink_file_name(char out[SINK_NAME_SIZE], const char *segment, bool notes)
{
	int n = snprintf(
		out, SINK_NAME_SIZE, "%s%s" LOG, notes ? HEADS : RECORDS, segment);

	if (n < 0 || n >= SINK_NAME_SIZE)
		out[0] = '\0'; /* no segment's name is that long */
}

bool
sink_file_is(const char *name, bool notes, struct trail_text *ret_segment)
{
	const char *begins = notes ? HEADS : RECORDS;
	size_t len = strlen(name), before = strlen(begins), behind = strlen(LOG);
	struct trail_text segment;
	uint64_t first;

	if (len <= before + behind || strncmp(name, begins, before) != 0 ||
		strcmp(name + len - behind, LOG) != 0)
		return false;
	segment = (struct trail_text){name + before, len - before - behind};
	if (trail_segment_first(segment, &first) != KERR_OK)
		return false;
	*ret_segment = segment;
	return true;
}

enum kerr
sink_open_read(int dir, const char *name, int *ret_fd)
{
	/* O_NONBLOCK: should it be a pipe, opening does not wait for its other end */
	int fd = openat(
		dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? KERR_NOTFOUND : KERR_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return KERR_IO;
	}
	*ret_fd = fd;
	return KERR_OK;
}

/* A name that was made is on the medium as well. */
static enum kerr
sync_names(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed;

	if (fd < 0)
		return KERR_IO;
	failed = fsync(fd) != 0 && errno != EINVAL && errno != EROFS;
	close(fd);
	return failed ? KERR_IO : KERR_OK;
}

enum kerr
sink_file_open(struct sink_file *f, int dir, const char *segment, bool notes)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			  O_NONBLOCK | O_NOCTTY;
	struct stat st;

	*f = (struct sink_file){.dir = dir, .notes = notes};
	sink_file_name(f->name, segment, notes);
	f->fd = openat(dir, f->name, flags, 0640);
	if (f->fd < 0)
		return KERR_IO;
	if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		(st.st_size == 0 && sync_names(dir) != KERR_OK)) {
		sink_file_close(f);
		return KERR_IO;
	}
	return KERR_OK;
}

void
sink_file_close(struct sink_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static enum kerr
write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT))
			return KERR_FULL;
		if (n <= 0)
			return KERR_IO;
		p += n;
		len -= (size_t)n;
	}
	return KERR_OK;
}

/* Exactly len bytes from there. */
static enum kerr
read_at(int fd, off_t from, void *ret, size_t len)
{
	uint8_t *p = ret;

	while (len > 0) {
		ssize_t n = pread(fd, p, len, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return KERR_IO;
		p += n;
		from += n;
		len -= (size_t)n;
	}
	return KERR_OK;
}

/* By its name, so that a file that was moved away or put in its place is noticed. */
static enum kerr
read_back(const struct sink_file *f, off_t from, const uint8_t *bytes, size_t len)
{
	static const size_t most = READ_BACK;
	struct stat ours, theirs;
	uint8_t *back = NULL;
	enum kerr err = KERR_IO;
	int fd = -1;

	if (sink_open_read(f->dir, f->name, &fd) != KERR_OK)
		return KERR_IO;
	if (fstat(f->fd, &ours) != 0 || fstat(fd, &theirs) != 0 ||
		ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
		goto out;
	back = mem_new(1, len < most ? len : most);
	err = back == NULL ? KERR_NOMEM : KERR_OK;
	while (err == KERR_OK && len > 0) {
		size_t n = len < most ? len : most;

		err = read_at(fd, from, back, n);
		if (err == KERR_OK && memcmp(back, bytes, n) != 0)
			err = KERR_IO;
		bytes += n;
		from += (off_t)n;
		len -= n;
	}
out:
	mem_free(back);
	close(fd);
	return err;
}

enum kerr
sink_file_add(struct sink_file *f, const void *bytes, size_t len)
{
	const char *mark = f->notes ? broken_head : broken_record;
	struct stat st;
	enum kerr err;

	if (f->broken) {
		err = write_all(f->fd, mark, strlen(mark));
		if (err != KERR_OK)
			return err;
		f->broken = false;
	}
	if (fstat(f->fd, &st) != 0)
		return KERR_IO;
	err = write_all(f->fd, bytes, len);
	if (err == KERR_OK && fdatasync(f->fd) != 0)
		err = errno == ENOSPC || errno == EDQUOT ? KERR_FULL : KERR_IO;
	return err == KERR_OK ? read_back(f, st.st_size, bytes, len) : err;
}

/* The file's last bytes; *ret is the caller's to free, NULL for an empty file. */
static enum kerr
read_tail(int fd, char **ret, struct trail_text *ret_text, bool *ret_whole)
{
	struct stat st;
	char *bytes;
	size_t len;
	enum kerr err;

	*ret = NULL;
	*ret_text = (struct trail_text){"", 0};
	*ret_whole = true;
	if (fstat(fd, &st) != 0 || st.st_size < 0)
		return KERR_IO;
	len = st.st_size < TAIL_MAX ? (size_t)st.st_size : TAIL_MAX;
	if (len == 0)
		return KERR_OK;
	bytes = mem_new(1, len);
	if (bytes == NULL)
		return KERR_NOMEM;
	err = read_at(fd, st.st_size - (off_t)len, bytes, len);
	if (err != KERR_OK) {
		mem_free(bytes);
		return err;
	}
	*ret = bytes;
	*ret_text = (struct trail_text){bytes, len};
	*ret_whole = (off_t)len == st.st_size;
	return KERR_OK;
}

/* Takes the last whole line off the end of *text; false when none is left. */
static bool
take_last_line(struct trail_text *text, bool whole, struct trail_text *ret)
{
	const char *begin;

	if (text->len == 0)
		return false;
	text->len--; /* its end */
	begin = memrchr(text->p, '\n', text->len);
	if (begin == NULL && !whole)
		return false;
	begin = begin != NULL ? begin + 1 : text->p;
	*ret = (struct trail_text){begin, text->len - (size_t)(begin - text->p)};
	text->len -= ret->len;
	return true;
}

static enum kerr
read_record(struct trail_text line, uint64_t *ret_seq, uint8_t ret_hash[TRAIL_HASH_LEN])
{
	struct trail_text seq;

	if (trail_cut_hash(&line, ret_hash) != KERR_OK ||
		!trail_find(line, "sequence", &seq) ||
		trail_number(seq, ret_seq) != KERR_OK)
		return KERR_DAMAGED;
	return KERR_OK;
}

enum kerr
sink_last_record(
	int fd, uint64_t *ret_seq, uint8_t ret_hash[TRAIL_HASH_LEN], bool *ret_broken)
{
	struct trail_text text, line;
	bool whole;
	char *bytes;
	const char *end;
	enum kerr err = read_tail(fd, &bytes, &text, &whole);

	if (err != KERR_OK)
		return err;
	*ret_broken = text.len > 0 && text.p[text.len - 1] != '\n';
	end = text.len > 0 ? memrchr(text.p, '\n', text.len) : NULL;
	text.len = end != NULL ? (size_t)(end - text.p) + 1 : 0;
	/* a broken write is no longer than what was to be written */
	err = text.len == 0 && !whole ? KERR_DAMAGED : KERR_NOTFOUND;
	while (err == KERR_NOTFOUND && take_last_line(&text, whole, &line)) {
		if (line.len == 0 || line.p[line.len - 1] != '~')
			err = read_record(line, ret_seq, ret_hash);
	}
	if (err == KERR_NOTFOUND && !whole)
		err = KERR_DAMAGED;
	mem_free(bytes);
	return err;
}

/* Moves to where the first head within the text begins. */
static void
find_head(struct trail_text *text)
{
	static const char mark[] = "\nkeyd audit ";
	const char *begin = memmem(text->p, text->len, mark, sizeof(mark) - 1);

	if (begin == NULL) {
		text->len = 0;
		return;
	}
	text->len -= (size_t)(begin + 1 - text->p);
	text->p = begin + 1;
}

enum kerr
sink_last_head(int fd, struct note *ret, bool *ret_broken)
{
	struct trail_text text, note;
	bool whole, found = false;
	char *bytes;
	enum kerr err = read_tail(fd, &bytes, &text, &whole);

	if (err != KERR_OK)
		return err;
	*ret_broken = false;
	if (!whole)
		find_head(&text);
	while ((err = note_next(&text, &note)) == KERR_OK) {
		if (note_read(note, ret) != KERR_OK) {
			err = KERR_DAMAGED;
			break;
		}
		found = true;
	}
	/* what is left is shorter than a head: one that was being written */
	if (err == KERR_INVALID && text.len < NOTE_MAX) {
		*ret_broken = true;
		err = KERR_NOTFOUND;
	}
	if (err == KERR_INVALID || (err == KERR_NOTFOUND && !found && !whole))
		err = KERR_DAMAGED;
	else if (found && err == KERR_NOTFOUND)
		err = KERR_OK;
	mem_free(bytes);
	return err;
}
