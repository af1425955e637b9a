/* What SQLite alone does with durable writes: rows of 200 bytes, so many a commit, in WAL
 * mode with synchronous=FULL, as keyd's store has it.
 *
 * bench-commits FILE ROWS_A_COMMIT SECONDS
 *
 * It prints {"rows": …, "commits": …, "p99": …} to standard output: rows and commits a
 * second, and the time that 99 of 100 commits stay below, in ms. */
#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TIMES_MAX 1000000
#define ROW_BYTES 200

struct run {
	sqlite3 *db;
	sqlite3_stmt *insert;
	size_t rows_a_commit;
	double seconds;
	size_t commits;
	double *times; /* of each commit, in ms */
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	fprintf(stderr, "bench-commits: %s: %s\n", sql, sqlite3_errmsg(db));
	return false;
}

static bool
read_number(const char *text, unsigned long long max, unsigned long long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *ret > 0 && *ret <= max;
}

static bool
open_store(struct run *r, const char *file)
{
	return sqlite3_open(file, &r->db) == SQLITE_OK &&
	       run_sql(r->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			      "CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)") &&
	       sqlite3_prepare_v2(r->db, "INSERT INTO t (v) VALUES (randomblob(?1))", -1,
		       &r->insert, NULL) == SQLITE_OK &&
	       sqlite3_bind_int(r->insert, 1, ROW_BYTES) == SQLITE_OK;
}

static bool
commit_group(struct run *r)
{
	if (!run_sql(r->db, "BEGIN IMMEDIATE"))
		return false;
	for (size_t i = 0; i < r->rows_a_commit; i++) {
		if (sqlite3_step(r->insert) != SQLITE_DONE)
			return false;
		sqlite3_reset(r->insert);
	}
	return run_sql(r->db, "COMMIT");
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool
measure(struct run *r)
{
	double began = now(), last = began;

	while (last - began < r->seconds && r->commits < TIMES_MAX) {
		double after;

		if (!commit_group(r))
			return false;
		after = now();
		r->times[r->commits++] = (after - last) * 1000;
		last = after;
	}
	qsort(r->times, r->commits, sizeof(r->times[0]), by_size);
	printf("{\"rows\": %.0f, \"commits\": %.0f, \"p99\": %.3f}\n",
		(double)(r->commits * r->rows_a_commit) / (last - began),
		(double)r->commits / (last - began), r->times[r->commits * 99 / 100]);
	return true;
}

int
main(int argc, char **argv)
{
	unsigned long long rows, seconds;
	struct run r = {0};
	bool good;

	if (argc != 4 || !read_number(argv[2], 10000, &rows) ||
		!read_number(argv[3], 3600, &seconds)) {
		fputs("Usage: bench-commits FILE ROWS_A_COMMIT SECONDS\n", stderr);
		return 2;
	}
	r.rows_a_commit = (size_t)rows;
	r.seconds = (double)seconds;
	r.times = calloc(TIMES_MAX, sizeof(r.times[0]));
	good = r.times != NULL && open_store(&r, argv[1]) && measure(&r);
	sqlite3_finalize(r.insert);
	sqlite3_close(r.db);
	free(r.times);
	return good ? 0 : 1;
}
