#include "core/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#if KEYD_SIM
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/clock_sim.h"
#endif

#define US       INT64_C(1000000)
#define STEP_US  (300 * US)
#define DAY      INT64_C(86400)
#define ZONE_DIR "/usr/share/zoneinfo/"

/* keyd's time is CLOCK_BOOTTIME and a shift. The shift follows the wall clock's
 * distance from CLOCK_BOOTTIME, at most half as fast as time passes, so that keyd's
 * time neither jumps nor stands still; a distance that changes by more than STEP_US
 * between two looks is a step. */
static struct {
	pthread_mutex_t lock; /* for all but the atomics, which only its holder writes */
	atomic_bool started;
	_Atomic int64_t shift_us;
	_Atomic int64_t
		seen; /* latest second given out: nobody is ever told an earlier one */
	int64_t distance_us; /* wall - boottime, as last followed */
	int64_t looked_us;   /* boottime of the last look */
	bool stepped;
	bool confirmed;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t
read_us(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * US + ts.tv_nsec / 1000;
}

#if KEYD_SIM
static const struct clock_sim *page;
static pthread_once_t page_once = PTHREAD_ONCE_INIT;

/* A page that was asked for and is not there must not turn into the real clock: a test
 * of a year would silently test a second. */
static void
page_map(void)
{
	const char *path = getenv("KEYD_SIM_CLOCK");
	struct stat st;
	void *map;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		abort();
	if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(*page))
		abort();
	map = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED ||
		((const struct clock_sim *)map)->magic != CLOCK_SIM_MAGIC)
		abort();
	page = map;
}

static int64_t
wall_us(void)
{
	pthread_once(&page_once, page_map);
	return page != NULL ? page->wall_s * US : read_us(CLOCK_REALTIME);
}

static int64_t
boot_us(void)
{
	pthread_once(&page_once, page_map);
	return page != NULL ? page->boot_us : read_us(CLOCK_BOOTTIME);
}
#else
static int64_t
wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

static int64_t
boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}
#endif

static bool
is_synchronised(void)
{
	struct timex t = {.modes = 0};

#if KEYD_SIM
	if (page != NULL)
		return page->synchronised != 0;
#endif
	return adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

void
clock_start(int64_t last_seen)
{
	int64_t wall, boot;

	pthread_mutex_lock(&state.lock);
	wall = wall_us();
	boot = boot_us();
	state.distance_us = wall - boot;
	state.looked_us = boot;
	/* A wall clock before the last time seen is no long stop, whatever it is. */
	state.stepped = last_seen > floor_div(wall, US) + STEP_US / US;
	state.confirmed = false;
	if (last_seen < floor_div(wall, US))
		last_seen = floor_div(wall, US);
	else
		wall = last_seen * US;
	atomic_store(&state.shift_us, wall - boot);
	atomic_store(&state.seen, last_seen);
	atomic_store(&state.started, true);
	pthread_mutex_unlock(&state.lock);
}

int64_t
clock_now(void)
{
	int64_t now, seen;

	if (!atomic_load_explicit(&state.started, memory_order_acquire))
		return floor_div(wall_us(), US);
	now = floor_div(
		boot_us() + atomic_load_explicit(&state.shift_us, memory_order_relaxed),
		US);
	seen = atomic_load_explicit(&state.seen, memory_order_relaxed);
	/* A shared line is written once a second, not at every call. */
	while (now > seen) {
		if (atomic_compare_exchange_weak_explicit(&state.seen, &seen, now,
			    memory_order_relaxed, memory_order_relaxed))
			return now;
	}
	return seen;
}

/* Looks at the wall clock: notices a step, follows anything smaller. Under the lock. */
static void
look(void)
{
	int64_t boot = boot_us();
	int64_t distance = wall_us() - boot;
	int64_t change = distance - state.distance_us;
	int64_t most = (boot - state.looked_us) / 2;
	int64_t shift = atomic_load(&state.shift_us);
	int64_t behind = distance - shift;

	state.looked_us = boot;
	if (change > STEP_US || change < -STEP_US)
		state.stepped = true;
	if (state.stepped)
		return;
	state.distance_us = distance;
	if (behind > most)
		behind = most;
	else if (behind < -most)
		behind = -most;
	atomic_store(&state.shift_us, shift + behind);
}

void
clock_tick(void)
{
	pthread_mutex_lock(&state.lock);
	if (atomic_load(&state.started))
		look();
	pthread_mutex_unlock(&state.lock);
}

void
clock_confirm(void)
{
	pthread_mutex_lock(&state.lock);
	if (atomic_load(&state.started)) {
		int64_t boot = boot_us();
		int64_t distance = wall_us() - boot;

		state.distance_us = distance;
		state.looked_us = boot;
		state.stepped = false;
		state.confirmed = true;
		if (distance > atomic_load(&state.shift_us))
			atomic_store(&state.shift_us, distance);
	}
	pthread_mutex_unlock(&state.lock);
}

void
clock_status(struct clock_status *ret)
{
	memset(ret, 0, sizeof(*ret));
	pthread_mutex_lock(&state.lock);
	if (atomic_load(&state.started))
		look();
	ret->now = clock_now();
	ret->wall = floor_div(wall_us(), US);
	ret->offset = ret->wall - ret->now;
	ret->stepped = state.stepped;
	ret->synchronised = is_synchronised();
	ret->confirmed = state.confirmed;
	pthread_mutex_unlock(&state.lock);
}

uint64_t
clock_monotonic_us(void)
{
	return (uint64_t)read_us(CLOCK_MONOTONIC);
}

struct civil {
	int64_t year;
	int month, day;
};

/* Proleptic Gregorian calendar, years counted from March so that the leap day is the
 * last. */
static int64_t
days_of(struct civil c)
{
	int64_t year = c.month <= 2 ? c.year - 1 : c.year;
	int64_t era = floor_div(year, 400);
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct civil
civil_of(int64_t days)
{
	int64_t era, of_era, year, of_year, month;
	struct civil c;

	days += 719468;
	era = floor_div(days, 146097);
	of_era = days - era * 146097;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	c.day = (int)(of_year - (153 * month + 2) / 5 + 1);
	c.month = (int)(month < 10 ? month + 3 : month - 9);
	c.year = year + era * 400 + (c.month <= 2 ? 1 : 0);
	return c;
}

/* The days that four digits of year can say: 0000-01-01 and 9999-12-31. */
#define FIRST_DAY INT64_C(-719528)
#define LAST_DAY  INT64_C(2932896)

static void
put_digits(char *out, int64_t v, int digits)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + v % 10);
		v /= 10;
	}
}

void
clock_date_text(int64_t day, char out[CLOCK_DATE_SIZE])
{
	struct civil c;

	if (day < FIRST_DAY)
		day = FIRST_DAY;
	if (day > LAST_DAY)
		day = LAST_DAY;
	c = civil_of(day);
	put_digits(out, c.year, 4);
	out[4] = '-';
	put_digits(out + 5, c.month, 2);
	out[7] = '-';
	put_digits(out + 8, c.day, 2);
	out[10] = '\0';
}

void
clock_text(int64_t t, char out[CLOCK_TEXT_SIZE])
{
	int64_t second;

	if (t < FIRST_DAY * DAY)
		t = FIRST_DAY * DAY;
	if (t > LAST_DAY * DAY + DAY - 1)
		t = LAST_DAY * DAY + DAY - 1;
	second = t - floor_div(t, DAY) * DAY;
	clock_date_text(floor_div(t, DAY), out);
	out[10] = 'T';
	put_digits(out + 11, second / 3600, 2);
	out[13] = ':';
	put_digits(out + 14, second / 60 % 60, 2);
	out[16] = ':';
	put_digits(out + 17, second % 60, 2);
	out[19] = 'Z';
	out[20] = '\0';
}

static bool
read_digits(const char *text, int digits, int *ret)
{
	int v = 0;

	for (int i = 0; i < digits; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (text[i] - '0');
	}
	*ret = v;
	return true;
}

static int
month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

enum kerr
clock_date_parse(const char *text, size_t len, int64_t *ret_day)
{
	int year, month, day;

	if (len != CLOCK_DATE_SIZE - 1 || text[4] != '-' || text[7] != '-' ||
		!read_digits(text, 4, &year) || !read_digits(text + 5, 2, &month) ||
		!read_digits(text + 8, 2, &day))
		return KERR_INVALID;
	if (month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return KERR_INVALID;
	*ret_day = days_of((struct civil){.year = year, .month = month, .day = day});
	return KERR_OK;
}

/* "17:00:00" as seconds of the day. RFC 3339 §5.7: a leap second is 23:59:60; here it is
 * the second that follows it. */
static bool
read_time(const char *text, int64_t *ret)
{
	int hour, minute, second;

	if (text[2] != ':' || text[5] != ':' || !read_digits(text, 2, &hour) ||
		!read_digits(text + 3, 2, &minute) || !read_digits(text + 6, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60 ||
		(second == 60 && (hour != 23 || minute != 59)))
		return false;
	*ret = hour * 3600 + minute * 60 + second;
	return true;
}

enum kerr
clock_parse(const char *text, size_t len, int64_t *ret)
{
	size_t at = CLOCK_TEXT_SIZE - 2;
	int64_t day, second;

	if (len < CLOCK_TEXT_SIZE - 1 || (text[10] != 'T' && text[10] != 't') ||
		clock_date_parse(text, CLOCK_DATE_SIZE - 1, &day) != KERR_OK ||
		!read_time(text + CLOCK_DATE_SIZE, &second))
		return KERR_INVALID;
	if (text[at] == '.') {
		size_t first = ++at;

		while (at < len && text[at] >= '0' && text[at] <= '9')
			at++;
		if (at == first)
			return KERR_INVALID;
	}
	if (at + 1 != len || (text[at] != 'Z' && text[at] != 'z'))
		return KERR_INVALID;
	*ret = day * DAY + second;
	return KERR_OK;
}

static atomic_bool zone_loaded;

static bool
zone_name_is_valid(const char *zone)
{
	size_t len = strlen(zone);

	if (len == 0 || len > 64 || zone[0] == '/' || strstr(zone, "..") != NULL)
		return false;
	/* These count leap seconds, which no time of keyd's does. */
	if (strncmp(zone, "right/", 6) == 0)
		return false;
	return strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789_+-/") == len;
}

enum kerr
clock_zone_load(const char *zone, struct fault *fault)
{
	char path[sizeof(ZONE_DIR) + 64] = "", magic[4] = "";
	FILE *file;
	size_t n = 0;

	if (!zone_name_is_valid(zone))
		return fault_set(fault, KERR_INVALID, "time_zone",
			"that is not the name of a time zone; one looks like "
			"America/Chicago");
	snprintf(path, sizeof(path), ZONE_DIR "%s", zone);
	file = fopen(path, "re");
	if (file != NULL) {
		n = fread(magic, 1, sizeof(magic), file);
		fclose(file);
	}
	if (n != sizeof(magic) || memcmp(magic, "TZif", sizeof(magic)) != 0)
		return fault_set(fault, KERR_NOTFOUND, "time_zone",
			"there is no time zone %s in " ZONE_DIR "; is tzdata installed?",
			zone);
	/* The C library reads the file now and keeps it; later calls open nothing. */
	if (unsetenv("TZDIR") != 0 || setenv("TZ", zone, 1) != 0)
		return fault_set(fault, KERR_NOMEM, "time_zone", "out of memory");
	tzset();
	atomic_store(&zone_loaded, true);
	return KERR_OK;
}

/* Seconds east of UTC at t in the zone; UTC before a zone is loaded. */
static int64_t
zone_offset(int64_t t)
{
	time_t time = (time_t)t;
	struct tm tm;

	if (!atomic_load_explicit(&zone_loaded, memory_order_acquire) ||
		localtime_r(&time, &tm) == NULL)
		return 0;
	return tm.tm_gmtoff;
}

int64_t
clock_day_of(int64_t t)
{
	return floor_div(t + zone_offset(t), DAY);
}

int64_t
clock_day_start(int64_t day)
{
	int64_t midnight = day * DAY; /* if the zone were UTC */
	int64_t low = midnight - DAY, high = midnight + DAY;
	int64_t before = zone_offset(low), after = zone_offset(high);
	int64_t first = midnight - before, second = midnight - after;

	/* Where the clocks go back over a midnight there are two: the first counts. */
	if (zone_offset(first) == before)
		return first;
	if (zone_offset(second) == after)
		return second;
	/* No midnight: the day begins with the change that skips it. */
	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;

		if (zone_offset(mid) == before)
			low = mid;
		else
			high = mid;
	}
	return high;
}
