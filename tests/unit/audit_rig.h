#ifndef KEYD_TESTS_UNIT_AUDIT_RIG_H
#define KEYD_TESTS_UNIT_AUDIT_RIG_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/model/model.h"
#include "core/trail/file.h"
#include "keyd/keeper/audit/audit.h"
#include "tests/support/store_world.h"

/* An audit chain on a real store, with a sink in a directory of its own. */

#define RIG_BEGIN INT64_C(1800000000)

struct rig {
	struct store_world w;
	struct audit *a;
	int state_fd;
	int sink_fd;
	char sink[192];
	int64_t now;
	struct audit_sink_status status;
	struct fault fault;
};

#define ok(err) ck_assert_int_eq((err), KERR_OK)

static inline void
rig_open(struct rig *r)
{
	ok(audit_open(r->w.store, r->w.vault, r->state_fd, &r->a, &r->fault));
}

static inline void
rig_start(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	world_start(&r->w, (size_t)1 << 20);
	r->state_fd = open(r->w.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(r->state_fd, 0);
	(void)snprintf(r->sink, sizeof(r->sink), "%s-sink", r->w.directory);
	ck_assert_int_eq(mkdir(r->sink, 0700), 0);
	r->sink_fd = open(r->sink, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(r->sink_fd, 0);
	r->now = RIG_BEGIN;
	rig_open(r);
}

static inline void
rig_empty(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}

static inline void
rig_close(struct rig *r)
{
	audit_close(r->a);
	r->a = NULL;
	world_close(&r->w);
}

static inline void
rig_end(struct rig *r)
{
	rig_close(r);
	rig_empty(r->sink);
	ck_assert_int_eq(rmdir(r->sink), 0);
	(void)unlinkat(r->state_fd, "audit-signer", 0);
	close(r->state_fd);
	close(r->sink_fd);
	world_end(&r->w);
}

/* The store's verdict is the caller's business; the chain is opened anew. */
static inline enum kerr
rig_restart(struct rig *r)
{
	enum kerr err;

	rig_close(r);
	err = world_open(&r->w);
	rig_open(r);
	return err;
}

static inline struct audit_entry
rig_entry(uint64_t i)
{
	return (struct audit_entry){.who = "anna",
		.via = "local socket, uid 1000",
		.from = "pts/0",
		.tenant = 1,
		.action = "client.revoke",
		.object = "client",
		.object_id = (int64_t)i + 1,
		.object_version = 2,
		.act = "5d41402abc4b2a76b9719d911017c592",
		.result = "done",
		.request = "0123456789abcdef",
		.before = "state=live; generation=1",
		.after = "state=revoked; generation=2"};
}

static inline void
rig_add(struct rig *r, uint64_t n)
{
	ok(store_begin(r->w.store, false));
	for (uint64_t i = 0; i < n; i++) {
		struct audit_entry e = rig_entry(i);

		ok(audit_append(r->a, &e, r->now));
	}
	ok(store_commit(r->w.store));
	audit_committed(r->a);
}

static inline void
rig_head(struct rig *r)
{
	ok(store_begin(r->w.store, true));
	ok(audit_head_sign(r->a, r->now));
	ok(store_commit(r->w.store));
	audit_committed(r->a);
}

static inline void
rig_sink(struct rig *r)
{
	ok(audit_sink_start(r->a, r->sink_fd, r->state_fd, &r->status, &r->fault));
}

static inline void
rig_wait(struct rig *r)
{
	ok(audit_sink_wait(r->a, audit_seq(r->a), 5000));
}

static inline void
rig_export(struct rig *r, struct buf *out)
{
	buf_init(out, (size_t)1 << 30);
	ok(audit_export(r->a, store_as_reader(r->w.store), out));
}

/* The first file of the sink whose name begins so, whole. */
static inline void
rig_sink_path(const struct rig *r, const char *begins, char out[512])
{
	DIR *dir = opendir(r->sink);
	struct dirent *entry;

	out[0] = '\0';
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, begins, strlen(begins)) == 0)
			(void)snprintf(out, 512, "%s/%s", r->sink, entry->d_name);
	}
	closedir(dir);
	ck_assert_msg(out[0] != '\0', "no file %s…", begins);
}

static inline void
rig_sink_read(const struct rig *r, const char *begins, struct buf *out)
{
	char path[512];
	uint8_t *bytes;
	size_t len;

	rig_sink_path(r, begins, path);
	len = world_read(path, &bytes);
	buf_init(out, (size_t)1 << 30);
	buf_put(out, bytes, len);
	free(bytes);
}

static inline int
rig_memfd(const void *bytes, size_t len)
{
	int fd = memfd_create("trail", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Verifies a log, with heads from outside unless they are NULL, as the stand-alone
 * verifier does. */
static inline enum kerr
rig_check(const void *log, size_t log_len, const struct buf *heads, struct trail *t)
{
	int log_fd = rig_memfd(log, log_len), heads_fd = -1;
	struct trail_file *file = trail_file_new(log_fd), *outside = NULL;
	struct trail_witness w = {.count = 0};
	enum kerr err;

	memset(t, 0, sizeof(*t));
	if (heads != NULL) {
		heads_fd = rig_memfd(heads->data, heads->len);
		outside = trail_file_new(heads_fd);
		w.files = &outside;
		w.count = 1;
	}
	err = trail_file_check(file, heads != NULL ? &w : NULL, t);
	trail_file_free(file);
	trail_file_free(outside);
	close(log_fd);
	if (heads_fd >= 0)
		close(heads_fd);
	return err;
}

#endif
