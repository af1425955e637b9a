#include "keyd/keeper/index/idmap.h"

#include <stdbool.h>

#include "core/arena.h"

#define PAGE_SHIFT 8
#define PAGE_IDS   (1U << PAGE_SHIFT)

struct id_page {
	uint64_t number;
	uint32_t used;
	uint32_t slots[PAGE_IDS];
};

static uint64_t
page_of(int64_t id)
{
	return (uint64_t)id >> PAGE_SHIFT;
}

static uint32_t
place_of(uint64_t number, uint32_t room)
{
	return (uint32_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (room - 1);
}

/* Where the page is, or would be put. room is not 0. */
static uint32_t
seek(struct id_page *const *pages, uint32_t room, uint64_t number)
{
	uint32_t at = place_of(number, room);

	while (pages[at] != NULL && pages[at]->number != number)
		at = (at + 1) & (room - 1);
	return at;
}

void
idmap_clear(struct idmap *m)
{
	for (uint32_t i = 0; i < m->room; i++)
		mem_free(m->pages[i]);
	mem_free(m->pages);
	*m = (struct idmap){0};
}

uint32_t
idmap_find(const struct idmap *m, int64_t id)
{
	const struct id_page *page;

	if (m->count == 0)
		return 0;
	page = m->pages[seek(m->pages, m->room, page_of(id))];
	return page == NULL ? 0 : page->slots[id & (PAGE_IDS - 1)];
}

static bool
make_room(struct idmap *m)
{
	uint32_t room = m->room == 0 ? 16 : m->room * 2;
	struct id_page **pages;

	if ((uint64_t)m->count * 2 < m->room)
		return true;
	pages = mem_new(room, sizeof(struct id_page *));
	if (pages == NULL)
		return false;
	for (uint32_t i = 0; i < m->room; i++) {
		if (m->pages[i] != NULL)
			pages[seek(pages, room, m->pages[i]->number)] = m->pages[i];
	}
	mem_free(m->pages);
	m->pages = pages;
	m->room = room;
	return true;
}

enum kerr
idmap_set(struct idmap *m, int64_t id, uint32_t slot)
{
	struct id_page *page;
	uint32_t at;

	if (!make_room(m))
		return KERR_NOMEM;
	at = seek(m->pages, m->room, page_of(id));
	page = m->pages[at];
	if (page == NULL) {
		page = mem_new(1, sizeof(*page));
		if (page == NULL)
			return KERR_NOMEM;
		page->number = page_of(id);
		m->pages[at] = page;
		m->count++;
	}
	if (page->slots[id & (PAGE_IDS - 1)] == 0)
		page->used++;
	page->slots[id & (PAGE_IDS - 1)] = slot;
	return KERR_OK;
}

/* Takes the page out and moves up those that were put behind it for want of room. */
static void
remove_page(struct idmap *m, uint32_t at)
{
	uint32_t hole = at, next = at, mask = m->room - 1;

	mem_free(m->pages[at]);
	m->pages[at] = NULL;
	m->count--;
	for (;;) {
		uint32_t home;

		next = (next + 1) & mask;
		if (m->pages[next] == NULL)
			return;
		home = place_of(m->pages[next]->number, m->room);
		if (((next - home) & mask) < ((next - hole) & mask))
			continue;
		m->pages[hole] = m->pages[next];
		m->pages[next] = NULL;
		hole = next;
	}
}

void
idmap_remove(struct idmap *m, int64_t id)
{
	struct id_page *page;
	uint32_t at;

	if (m->count == 0)
		return;
	at = seek(m->pages, m->room, page_of(id));
	page = m->pages[at];
	if (page == NULL || page->slots[id & (PAGE_IDS - 1)] == 0)
		return;
	page->slots[id & (PAGE_IDS - 1)] = 0;
	if (--page->used == 0)
		remove_page(m, at);
}

size_t
idmap_bytes(const struct idmap *m)
{
	return m->count * sizeof(struct id_page) + m->room * sizeof(struct id_page *);
}
