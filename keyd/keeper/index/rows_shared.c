#include <string.h>

#include "core/arena.h"
#include "core/model/model.h"
#include "keyd/keeper/index/parts.h"

/* Rows that many clients share: there are thousands, not millions, so their texts are
 * plain copies. */

static char *
copy(struct index *x, const char *text)
{
	size_t size = strlen(text) + 1;
	char *p = mem_new(size, 1);

	if (p == NULL)
		return NULL;
	memcpy(p, text, size);
	x->text_bytes += size;
	return p;
}

static void
forget(struct index *x, char **text)
{
	if (*text != NULL)
		x->text_bytes -= strlen(*text) + 1;
	mem_free(*text);
	*text = NULL;
}

static void
replace(struct index *x, char **text, char *taken)
{
	forget(x, text);
	*text = taken;
}

static enum kerr
put_vendor(struct index *x, struct index_vendor *v, const struct record *row)
{
	char *prefixes = copy(x, record_text(row, ROW_VENDOR_PREFIXES));

	if (prefixes == NULL)
		return KERR_NOMEM;
	replace(x, &v->prefixes, prefixes);
	v->node.state = (uint8_t)record_int(row, ROW_VENDOR_STATE);
	return KERR_OK;
}

static enum kerr
put_edorg(struct index *x, uint32_t slot, const struct record *row)
{
	struct index_edorg *e = index_at(x, INDEX_EDORG, slot);
	char *title = copy(x, record_text(row, ROW_EDORG_NAME));

	if (title == NULL)
		return KERR_NOMEM;
	replace(x, &e->title, title);
	if ((e->node.flags & INDEX_PRESENT) != 0)
		keymap_remove(&x->edorg_names, slot);
	e->name[0] = record_int(row, ROW_TENANT_ID);
	e->name[1] = record_int(row, ROW_EDORG_NUMBER);
	e->kind = (int)record_int(row, ROW_EDORG_KIND);
	e->node.state = (uint8_t)record_int(row, ROW_EDORG_STATE);
	keymap_add(&x->edorg_names, slot);
	return KERR_OK;
}

static enum kerr
put_ods(struct index *x, struct index_ods *o, const struct record *row)
{
	char *url = copy(x, record_text(row, ROW_ODS_API_URL));

	if (url == NULL)
		return KERR_NOMEM;
	replace(x, &o->url, url);
	o->mode = (int)record_int(row, ROW_ODS_MODE);
	o->node.state = (uint8_t)record_int(row, ROW_ODS_STATE);
	return KERR_OK;
}

static enum kerr
put_claimset(struct index *x, struct index_claimset *c, const struct record *row)
{
	char *name = copy(x, record_text(row, ROW_CLAIMSET_NAME));
	char *v8_name = copy(x, record_text(row, ROW_CLAIMSET_V8_NAME));

	if (name == NULL || v8_name == NULL) {
		forget(x, &name);
		forget(x, &v8_name);
		return KERR_NOMEM;
	}
	replace(x, &c->name, name);
	replace(x, &c->v8_name, v8_name);
	return KERR_OK;
}

enum kerr
index_put_shared(struct index *x, enum index_kind kind, const struct record *row)
{
	uint32_t slot = index_want(x, kind, record_int(row, ROW_ID));
	struct index_node *n;
	enum kerr err = KERR_OK;

	if (slot == 0)
		return KERR_NOMEM;
	n = index_at(x, kind, slot);
	if (kind == INDEX_TENANT)
		n->state = (uint8_t)record_int(row, ROW_TENANT_STATE);
	else if (kind == INDEX_VENDOR)
		err = put_vendor(x, (struct index_vendor *)n, row);
	else if (kind == INDEX_EDORG)
		err = put_edorg(x, slot, row);
	else if (kind == INDEX_ODS)
		err = put_ods(x, (struct index_ods *)n, row);
	else
		err = put_claimset(x, (struct index_claimset *)n, row);
	if (err == KERR_OK)
		n->flags = INDEX_PRESENT;
	else
		index_release(x, kind, slot);
	return err;
}

static void
forget_texts(struct index *x, enum index_kind kind, struct index_node *n)
{
	struct index_claimset *c;

	if (kind == INDEX_VENDOR) {
		forget(x, &((struct index_vendor *)n)->prefixes);
	} else if (kind == INDEX_EDORG) {
		forget(x, &((struct index_edorg *)n)->title);
	} else if (kind == INDEX_ODS) {
		forget(x, &((struct index_ods *)n)->url);
	} else if (kind == INDEX_CLAIMSET) {
		c = (struct index_claimset *)n;
		forget(x, &c->name);
		forget(x, &c->v8_name);
	}
}

void
index_drop_shared(struct index *x, enum index_kind kind, uint32_t slot)
{
	struct index_node *n = index_at(x, kind, slot);

	if ((n->flags & INDEX_PRESENT) == 0)
		return;
	if (kind == INDEX_EDORG)
		keymap_remove(&x->edorg_names, slot);
	forget_texts(x, kind, n);
	n->flags = 0;
	index_release(x, kind, slot);
}

void
index_free_texts(struct index *x)
{
	static const enum index_kind kinds[] = {
		INDEX_VENDOR, INDEX_EDORG, INDEX_ODS, INDEX_CLAIMSET};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const struct slab *rows = &x->tables[kinds[k]].rows;

		for (uint32_t slot = 1; slot < rows->next; slot++) {
			struct index_node *n = slab_at(rows, slot);

			if ((n->flags & INDEX_PRESENT) != 0)
				forget_texts(x, kinds[k], n);
		}
	}
}
