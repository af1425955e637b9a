#ifndef KEYD_ADMIN_TUI_PAGER_H
#define KEYD_ADMIN_TUI_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin-tui/api.h"
#include "core/record.h"

/* The rows of a list that keyd gives out page by page: only those that are shown are
 * fetched, few are kept, and one question is under way at a time. Rows are counted from
 * the end that the list was begun at, so the end of a long list is as near as its
 * start. */
struct pager;

#define PAGER_ROWS 50 /* of a page */

struct pager_source {
	const char *path;
	const struct schema *schema;
	void (*changed)(void *with);
	void *with;
};
/* source is copied. NULL: no memory. */
struct pager *pager_new(struct api *api, const struct pager_source *source);
void pager_free(struct pager *p); /* NULL is fine; ends what is under way */

/* Begins anew: `query` ("state=live&vendor=Acme", encoded) and `sort` (a field, '-'
 * before it for backwards, "" as keyd likes) are copied. */
void pager_begin(struct pager *p, const char *query, const char *sort);
/* Rows first … first + count - 1 are shown: fetches what is missing of them. */
void pager_want(struct pager *p, size_t first, size_t count);
/* Fetches again what is shown, which stays until the new rows are there. */
void pager_refresh(struct pager *p);

/* NULL while it is not there. Borrowed until the loop runs on. */
const struct record *pager_row(const struct pager *p, size_t i);
/* Rows that can be gone to: those whose page's place is known. */
size_t pager_reach(const struct pager *p);
bool pager_has_end(const struct pager *p);  /* is pager_reach() all of them? */
int64_t pager_total(const struct pager *p); /* as keyd says; -1: not counted */
bool pager_empty(const struct pager *p);    /* answered, and there is nothing */
/* KERR_OK, or why the last question failed. */
enum kerr pager_fault(const struct pager *p, struct fault *ret);

#endif
