#include "keyd/keeper/index/index.h"

#include <sodium.h>
#include <string.h>

#include "core/arena.h"
#include "core/model/model.h"
#include "keyd/keeper/index/parts.h"

/* Owns the tables: making and freeing them, whose rows go where, how entries come and go.
 * What a row means is its file's (rows_*.c), what is answered from it the others'. */

#define TEXTS_MAX (64U << 10)

static const struct {
	enum table_id table;
	size_t size;
} kinds[INDEX_KIND__COUNT] = {
	[INDEX_TENANT] = {TABLE_tenant, sizeof(struct index_tenant)},
	[INDEX_VENDOR] = {TABLE_vendor, sizeof(struct index_vendor)},
	[INDEX_EDORG] = {TABLE_edorg, sizeof(struct index_edorg)},
	[INDEX_ODS] = {TABLE_ods, sizeof(struct index_ods)},
	[INDEX_CLAIMSET] = {TABLE_claimset, sizeof(struct index_claimset)},
	[INDEX_APPLICATION] = {TABLE_application, sizeof(struct index_application)},
	[INDEX_EDORG_LINK] = {TABLE_application_edorg, sizeof(struct index_link)},
	[INDEX_ODS_LINK] = {TABLE_application_ods, sizeof(struct index_link)},
	[INDEX_CLIENT] = {TABLE_client, sizeof(struct index_client)},
	[INDEX_SECRET] = {TABLE_secret, sizeof(struct index_secret)},
	[INDEX_CALLER] = {TABLE_caller, sizeof(struct index_caller)},
	[INDEX_ENDED] = {TABLE_ended_token, sizeof(struct index_ended)},
};

/* INDEX_KIND__COUNT for a table that the index does not hold. */
static enum index_kind
kind_of(enum table_id table)
{
	unsigned kind = 0;

	while (kind < INDEX_KIND__COUNT && kinds[kind].table != table)
		kind++;
	return (enum index_kind)kind;
}

static enum kerr
start_keymaps(struct index *x)
{
	const struct keymap clients = {.entries = &x->tables[INDEX_CLIENT].rows,
		.key_at = offsetof(struct index_client, key),
		.key_len = KEY_CHARS,
		.next_at = offsetof(struct index_client, next_key)};
	const struct keymap callers = {.entries = &x->tables[INDEX_CALLER].rows,
		.key_at = offsetof(struct index_caller, key),
		.key_len = KEY_CHARS,
		.next_at = offsetof(struct index_caller, next_key)};
	const struct keymap edorgs = {.entries = &x->tables[INDEX_EDORG].rows,
		.key_at = offsetof(struct index_edorg, name),
		.key_len = sizeof(((struct index_edorg *)0)->name),
		.next_at = offsetof(struct index_edorg, next_named)};
	enum kerr err = keymap_init(&x->client_keys, &clients);

	if (err == KERR_OK)
		err = keymap_init(&x->caller_keys, &callers);
	if (err == KERR_OK)
		err = keymap_init(&x->edorg_names, &edorgs);
	return err;
}

struct index *
index_new(struct vault *v)
{
	struct index *x = mem_new(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->vault = v;
	for (size_t i = 0; i < INDEX_KIND__COUNT; i++)
		slab_init(&x->tables[i].rows, kinds[i].size);
	for (size_t i = 0; i < DAYS_KEPT; i++)
		x->days[i].day = INT64_MIN;
	buf_init(&x->texts, TEXTS_MAX);
	randombytes_buf(x->dummy_verifier, sizeof(x->dummy_verifier));
	x->dummy = index_dummy_new();
	if (x->dummy == NULL || start_keymaps(x) != KERR_OK) {
		index_free(x);
		return NULL;
	}
	return x;
}

void
index_free(struct index *x)
{
	if (x == NULL)
		return;
	index_free_texts(x);
	for (size_t i = 0; i < INDEX_KIND__COUNT; i++) {
		slab_clear(&x->tables[i].rows);
		idmap_clear(&x->tables[i].ids);
	}
	keymap_clear(&x->client_keys);
	keymap_clear(&x->caller_keys);
	keymap_clear(&x->edorg_names);
	buf_clear(&x->texts);
	mem_free(x->numbers);
	secret_free(x->dummy);
	mem_free(x);
}

enum kerr
index_put(struct index *x, enum table_id table, const struct record *row)
{
	enum index_kind kind = kind_of(table);

	x->changes++;
	switch (kind) {
	case INDEX_TENANT:
	case INDEX_VENDOR:
	case INDEX_EDORG:
	case INDEX_ODS:
	case INDEX_CLAIMSET:
		return index_put_shared(x, kind, row);
	case INDEX_APPLICATION:
		return index_put_application(x, row);
	case INDEX_EDORG_LINK:
	case INDEX_ODS_LINK:
		return index_put_link(x, kind, row);
	case INDEX_CLIENT:
		return index_put_client(x, row);
	case INDEX_SECRET:
		return index_put_secret(x, row);
	case INDEX_CALLER:
		return index_put_caller(x, row);
	case INDEX_ENDED:
		return index_put_ended(x, row);
	case INDEX_KIND__COUNT:
		break;
	}
	return KERR_OK;
}

void
index_drop(struct index *x, enum table_id table, int64_t id)
{
	enum index_kind kind = kind_of(table);
	uint32_t slot = kind == INDEX_KIND__COUNT ? 0 : index_find(x, kind, id);

	if (slot == 0)
		return;
	x->changes++;
	switch (kind) {
	case INDEX_TENANT:
	case INDEX_VENDOR:
	case INDEX_EDORG:
	case INDEX_ODS:
	case INDEX_CLAIMSET:
		index_drop_shared(x, kind, slot);
		break;
	case INDEX_APPLICATION:
		index_drop_application(x, slot);
		break;
	case INDEX_EDORG_LINK:
	case INDEX_ODS_LINK:
		index_drop_link(x, kind, id, slot);
		break;
	case INDEX_CLIENT:
		index_drop_client(x, slot);
		break;
	case INDEX_SECRET:
		index_drop_secret(x, slot);
		break;
	case INDEX_CALLER:
		index_drop_caller(x, slot);
		break;
	case INDEX_ENDED:
		index_drop_ended(x, id, slot);
		break;
	case INDEX_KIND__COUNT:
		break;
	}
}

/* The flags of an entry of that kind; NULL where an entry has none. */
static uint8_t *
flags_of(const struct index *x, enum index_kind kind, uint32_t slot)
{
	switch (kind) {
	case INDEX_TENANT:
	case INDEX_VENDOR:
	case INDEX_EDORG:
	case INDEX_ODS:
	case INDEX_CLAIMSET:
	case INDEX_APPLICATION:
		return &((struct index_node *)index_at(x, kind, slot))->flags;
	case INDEX_CLIENT:
		return &((struct index_client *)index_at(x, kind, slot))->flags;
	case INDEX_SECRET:
		return &((struct index_secret *)index_at(x, kind, slot))->flags;
	case INDEX_CALLER:
		return &((struct index_caller *)index_at(x, kind, slot))->flags;
	case INDEX_EDORG_LINK:
	case INDEX_ODS_LINK:
	case INDEX_ENDED:
	case INDEX_KIND__COUNT:
		break;
	}
	return NULL;
}

void
index_fence(struct index *x, enum table_id table, int64_t id)
{
	enum index_kind kind = kind_of(table);
	uint32_t slot = kind == INDEX_KIND__COUNT ? 0 : index_find(x, kind, id);
	uint8_t *flags;

	if (slot == 0)
		return;
	x->changes++;
	flags = flags_of(x, kind, slot);
	if (flags != NULL)
		*flags |= INDEX_FENCED;
	else if (kind != INDEX_ENDED)
		index_drop_link(x, kind, id, slot);
	/* A token that was ended stays so, whatever became of its row. */
}

static bool
is_referred_to(const struct index *x, enum index_kind kind, uint32_t slot)
{
	const struct index_client *c;

	if (kind != INDEX_CLIENT)
		return ((const struct index_node *)index_at(x, kind, slot))->refs > 0;
	c = index_at(x, kind, slot);
	return c->secrets != 0 || c->ended != 0;
}

void
index_release(struct index *x, enum index_kind kind, uint32_t slot)
{
	const uint8_t *flags = flags_of(x, kind, slot);
	int64_t id;

	if (flags == NULL || (*flags & INDEX_PRESENT) != 0 ||
		is_referred_to(x, kind, slot))
		return;
	/* All that come here begin with their id. */
	memcpy(&id, index_at(x, kind, slot), sizeof(id));
	idmap_remove(&x->tables[kind].ids, id);
	slab_remove(&x->tables[kind].rows, slot);
}

uint32_t
index_want(struct index *x, enum index_kind kind, int64_t id)
{
	struct index_table *t = &x->tables[kind];
	uint32_t slot = idmap_find(&t->ids, id);

	if (slot != 0)
		return slot;
	slot = slab_add(&t->rows);
	if (slot == 0)
		return 0;
	if (idmap_set(&t->ids, id, slot) != KERR_OK) {
		slab_remove(&t->rows, slot);
		return 0;
	}
	if (kind != INDEX_EDORG_LINK && kind != INDEX_ODS_LINK && kind != INDEX_ENDED)
		memcpy(slab_at(&t->rows, slot), &id, sizeof(id));
	return slot;
}

uint32_t
index_ref(struct index *x, enum index_kind kind, int64_t id)
{
	uint32_t slot = index_want(x, kind, id);

	if (slot != 0)
		((struct index_node *)index_at(x, kind, slot))->refs++;
	return slot;
}

void
index_unref(struct index *x, enum index_kind kind, uint32_t slot)
{
	if (slot == 0)
		return;
	((struct index_node *)index_at(x, kind, slot))->refs--;
	index_release(x, kind, slot);
}

uint32_t
index_moment(int64_t t)
{
	if (t < 0)
		return 0;
	return t >= UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

int64_t
index_time(uint32_t moment)
{
	return moment == UINT32_MAX ? INT64_MAX : (int64_t)moment;
}

const struct index_client *
index_client_of(const struct index *x, int64_t id)
{
	uint32_t slot = index_find(x, INDEX_CLIENT, id);
	const struct index_client *c = slot == 0 ? NULL : index_at(x, INDEX_CLIENT, slot);

	return c != NULL && (c->flags & INDEX_PRESENT) != 0 ? c : NULL;
}

const struct index_secret *
index_secret_of(const struct index *x, const struct index_client *c, uint32_t number)
{
	const struct index_secret *s;
	uint32_t slot;

	for (slot = c->secrets; slot != 0; slot = s->next) {
		s = index_at(x, INDEX_SECRET, slot);
		if (s->number == number)
			return s;
	}
	return NULL;
}

static bool
stands(const struct index *x, enum index_kind kind, uint32_t slot, uint8_t state)
{
	const struct index_node *n;

	if (slot == 0)
		return false;
	n = index_at(x, kind, slot);
	return index_is_there(n->flags) && n->state == state;
}

bool
index_application_stands(const struct index *x, const struct index_application *a)
{
	return index_is_there(a->node.flags) &&
	       stands(x, INDEX_TENANT, a->tenant, TENANT_IS_LIVE) &&
	       stands(x, INDEX_VENDOR, a->vendor, VENDOR_IS_LIVE) &&
	       stands(x, INDEX_CLAIMSET, a->claimset, 0);
}

bool
index_ods_stands(const struct index *x, uint32_t slot)
{
	const struct index_node *n = index_at(x, INDEX_ODS, slot);

	return index_is_there(n->flags) && n->state != ODS_IS_RETIRED;
}
