#ifndef KEYD_CORE_ARENA_H
#define KEYD_CORE_ARENA_H

#include <stddef.h>

/* Memory of one request or one command, freed (and wiped) at once, with a ceiling on
 * its sum. */
struct arena;

struct arena *arena_new(size_t max_bytes); /* NULL when there is no memory */
void arena_free(struct arena *a);          /* NULL is fine */
void arena_reset(struct arena *a);         /* wipes, keeps its first block */
/* Zeroed, 16-byte aligned; NULL when the ceiling or memory is reached. Never free()d
 * alone. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy with a NUL behind it. NULL as above. */
char *arena_copy(struct arena *a, const void *bytes, size_t len);
char *arena_text(struct arena *a, const char *text);

/* For tables whose size the program itself decides: zeroed, NULL when there is no
 * memory; checked for wrap. */
void *mem_new(size_t count, size_t size);
/* Grows to count (contents kept, new part zeroed, old memory wiped); NULL leaves the
 * old one as it was. */
void *mem_grow(void *old, size_t old_count, size_t count, size_t size);
void mem_free(void *p); /* NULL is fine */

#endif
