#include "admin-tui/pager.h"

#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/wire/json_record.h"

#define PAGES_KEPT 8
#define ARENA_MAX  ((size_t)4 << 20)
#define QUERY_MAX  1024
#define NONE       SIZE_MAX

struct page {
	size_t number; /* NONE: free */
	struct arena *arena;
	struct json_list list;
	bool stale;
	uint64_t used;
};

struct pager {
	struct api *api;
	struct pager_source source;
	char query[QUERY_MAX];
	char sort[64];
	struct page pages[PAGES_KEPT];
	uint64_t uses;
	char **cursors; /* [n]: where page n begins; [0] is NULL, the beginning */
	size_t known;   /* pages whose beginning is known, at least 1 */
	size_t room;    /* of cursors */
	size_t count;   /* of all rows, when has_end */
	bool has_end;
	int64_t total;
	size_t want_first, want_count;
	size_t fetching; /* page, or NONE */
	struct fault fault;
};

struct pager *
pager_new(struct api *api, const struct pager_source *source)
{
	struct pager *p = mem_new(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->api = api;
	p->source = *source;
	for (size_t i = 0; i < PAGES_KEPT; i++)
		p->pages[i].number = NONE;
	pager_begin(p, "", "");
	return p;
}

static void
drop_page(struct page *page)
{
	arena_free(page->arena);
	memset(page, 0, sizeof(*page));
	page->number = NONE;
}

static void
drop_all(struct pager *p)
{
	api_cancel(p->api, p);
	p->fetching = NONE;
	for (size_t i = 0; i < PAGES_KEPT; i++)
		drop_page(&p->pages[i]);
	for (size_t i = 0; i < p->room; i++)
		mem_free(p->cursors[i]);
	mem_free(p->cursors);
	p->cursors = NULL;
	p->room = 0;
}

void
pager_free(struct pager *p)
{
	if (p == NULL)
		return;
	drop_all(p);
	mem_free(p);
}

void
pager_begin(struct pager *p, const char *query, const char *sort)
{
	drop_all(p);
	snprintf(p->query, sizeof(p->query), "%s", query);
	snprintf(p->sort, sizeof(p->sort), "%s", sort);
	p->known = 1;
	p->count = 0;
	p->has_end = false;
	p->total = -1;
	p->want_count = 0;
	p->fault = (struct fault){0};
}

/* PAGES_KEPT when it is not kept. */
static size_t
find_slot(const struct pager *p, size_t number)
{
	size_t i = 0;

	while (i < PAGES_KEPT && p->pages[i].number != number)
		i++;
	return i;
}

static struct page *
find_page(struct pager *p, size_t number)
{
	size_t slot = find_slot(p, number);

	return slot < PAGES_KEPT ? &p->pages[slot] : NULL;
}

/* The one that was shown longest ago makes room. */
static struct page *
page_for(struct pager *p, size_t number)
{
	struct page *page = find_page(p, number);

	if (page == NULL)
		page = find_page(p, NONE);
	if (page == NULL) {
		page = &p->pages[0];
		for (size_t i = 1; i < PAGES_KEPT; i++) {
			if (p->pages[i].used < page->used)
				page = &p->pages[i];
		}
	}
	drop_page(page);
	return page;
}

static bool
keep_cursor(struct pager *p, size_t number, const char *text)
{
	size_t len = strlen(text);
	char *copy;

	if (number >= p->room) {
		size_t room = number + 64;
		char **more = mem_grow(p->cursors, p->room, room, sizeof(*more));

		if (more == NULL)
			return false;
		p->cursors = more;
		p->room = room;
	}
	copy = mem_new(len + 1, 1);
	if (copy == NULL)
		return false;
	memcpy(copy, text, len);
	mem_free(p->cursors[number]);
	p->cursors[number] = copy;
	return true;
}

/* What a page says about the length of the list. */
static void
learn(struct pager *p, const struct page *page)
{
	size_t end = page->number * PAGER_ROWS + page->list.count;

	p->total = page->list.total;
	if (page->list.after == NULL) {
		p->has_end = true;
		p->count = end;
		p->known = page->number + 1;
		return;
	}
	if (p->has_end && p->count <= end)
		p->has_end = false;
	if (keep_cursor(p, page->number + 1, page->list.after) &&
		p->known < page->number + 2)
		p->known = page->number + 2;
}

static void fetch_next(struct pager *p);

static enum kerr
read_page(struct pager *p, const struct api_reply *reply)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct json_list list;
	struct page *page;
	enum kerr err;

	if (arena == NULL)
		return fault_set(&p->fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	err = json_list_read(
		p->source.schema, arena, reply->body, reply->len, &list, &p->fault);
	if (err != KERR_OK) {
		arena_free(arena);
		return err;
	}
	page = page_for(p, p->fetching);
	*page = (struct page){
		.number = p->fetching, .arena = arena, .list = list, .used = ++p->uses};
	learn(p, page);
	return KERR_OK;
}

static void
on_page(void *with, const struct api_reply *reply)
{
	struct pager *p = with;

	p->fault = reply->fault;
	if (reply->err == KERR_OK && read_page(p, reply) != KERR_OK &&
		p->fault.text[0] == '\0')
		fault_set(&p->fault, KERR_PROTOCOL, "", "keyd's answer is no list");
	p->fetching = NONE;
	fetch_next(p);
	p->source.changed(p->source.with);
}

static void
fetch(struct pager *p, size_t number)
{
	struct api_call call = {
		.lane = API_READ, .method = "GET", .done = on_page, .with = p};
	struct buf target;

	buf_init(&target, 4096);
	buf_printf(&target, "%s?limit=%d", p->source.path, PAGER_ROWS);
	if (p->sort[0] != '\0')
		buf_printf(&target, "&sort=%s", p->sort);
	if (number > 0)
		buf_printf(&target, "&after=%s", p->cursors[number]);
	if (p->query[0] != '\0')
		buf_printf(&target, "&%s", p->query);
	call.target = buf_text(&target);
	if (call.target != NULL && api_ask(p->api, &call) == KERR_OK)
		p->fetching = number;
	else
		fault_set(&p->fault, KERR_TOO_LARGE, "", "that is too long a question");
	buf_clear(&target);
}

/* After a failure nothing is asked by itself: pager_refresh() tries again. */
static void
fetch_next(struct pager *p)
{
	size_t last = (p->want_first + p->want_count - 1) / PAGER_ROWS;

	if (p->fetching != NONE || p->fault.err != KERR_OK || p->want_count == 0)
		return;
	for (size_t n = p->want_first / PAGER_ROWS; n <= last && n < p->known; n++) {
		struct page *page = find_page(p, n);

		if (page != NULL)
			page->used = ++p->uses;
		if (page == NULL || page->stale) {
			fetch(p, n);
			return;
		}
	}
}

void
pager_want(struct pager *p, size_t first, size_t count)
{
	p->want_first = first;
	p->want_count = count;
	fetch_next(p);
}

void
pager_refresh(struct pager *p)
{
	for (size_t i = 0; i < PAGES_KEPT; i++)
		p->pages[i].stale = true;
	/* What is under way may be from before the change that this is about. */
	api_cancel(p->api, p);
	p->fetching = NONE;
	p->fault = (struct fault){0};
	fetch_next(p);
}

const struct record *
pager_row(const struct pager *p, size_t i)
{
	size_t slot = find_slot(p, i / PAGER_ROWS);

	if (slot == PAGES_KEPT || i % PAGER_ROWS >= p->pages[slot].list.count)
		return NULL;
	return p->pages[slot].list.items[i % PAGER_ROWS];
}

size_t
pager_reach(const struct pager *p)
{
	size_t reach = p->has_end ? p->count : p->known * PAGER_ROWS;

	if (!p->has_end && p->total >= 0 && reach > (size_t)p->total)
		reach = (size_t)p->total;
	return reach;
}

bool
pager_has_end(const struct pager *p)
{
	return p->has_end;
}

int64_t
pager_total(const struct pager *p)
{
	return p->total;
}

bool
pager_empty(const struct pager *p)
{
	return p->has_end && p->count == 0;
}

enum kerr
pager_fault(const struct pager *p, struct fault *ret)
{
	*ret = p->fault;
	return p->fault.err;
}
