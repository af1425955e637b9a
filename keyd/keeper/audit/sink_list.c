#include "keyd/keeper/audit/sink_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "keyd/keeper/audit/sink_file.h"

static enum kerr
put(struct sink_list *l, struct trail_text segment)
{
	uint64_t first = 0;
	size_t i;

	if (trail_segment_first(segment, &first) != KERR_OK)
		return KERR_OK;
	if (l->count == SINK_SEGMENTS_MAX)
		return KERR_TOO_LARGE;
	for (i = l->count; i > 0 && l->at[i - 1].first > first; i--)
		l->at[i] = l->at[i - 1];
	l->at[i].first = first;
	memcpy(l->at[i].segment, segment.p, segment.len);
	l->at[i].segment[segment.len] = '\0';
	l->count++;
	return KERR_OK;
}

enum kerr
sink_list_read(struct sink_list *l, int dir, const char *deployment, bool notes)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	enum kerr err = KERR_OK;

	if (names == NULL) {
		if (fd >= 0)
			close(fd);
		return KERR_IO;
	}
	l->count = 0;
	while (err == KERR_OK && (entry = readdir(names)) != NULL) {
		struct trail_text segment;

		if (sink_file_is(entry->d_name, notes, &segment) &&
			strncmp(segment.p, deployment, strlen(deployment)) == 0)
			err = put(l, segment);
	}
	closedir(names);
	return err;
}

enum kerr
sink_reading_open(struct sink_reading *r, int dir, const char *segment, bool notes)
{
	char name[SINK_NAME_SIZE];
	enum kerr err;

	sink_file_name(name, segment, notes);
	err = sink_open_read(dir, name, &r->fd);
	if (err != KERR_OK)
		return err;
	r->file = trail_file_new(r->fd);
	if (r->file == NULL) {
		close(r->fd);
		return KERR_NOMEM;
	}
	trail_file_is_live(r->file);
	return KERR_OK;
}

void
sink_reading_close(struct sink_reading *r)
{
	if (r->file == NULL)
		return;
	trail_file_free(r->file);
	close(r->fd);
	r->file = NULL;
}
