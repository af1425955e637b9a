#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/model/model.h"
#include "keyd/keeper/index/parts.h"

/* What is said about a client: texts are made for each answer, since most applications
 * have a few organizations and are asked about seldom. */

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static enum kerr
numbers_room(struct index *x, size_t count)
{
	size_t room = x->numbers_room == 0 ? 64 : x->numbers_room;
	int64_t *numbers;

	while (room < count)
		room *= 2;
	if (room == x->numbers_room)
		return KERR_OK;
	numbers = mem_grow(x->numbers, x->numbers_room, room, sizeof(numbers[0]));
	if (numbers == NULL)
		return KERR_NOMEM;
	x->numbers = numbers;
	x->numbers_room = room;
	return KERR_OK;
}

/* Rising and each once. */
static size_t
sort(int64_t *numbers, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(numbers, count, sizeof(numbers[0]), compare);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || numbers[i] != numbers[kept - 1])
			numbers[kept++] = numbers[i];
	}
	return kept;
}

static enum kerr
edorg_numbers(struct index *x, const struct index_application *a, size_t *ret)
{
	const struct index_link *l;
	size_t count = 0;
	uint32_t slot;

	for (slot = a->links[0]; slot != 0; slot = l->next) {
		const struct index_edorg *e;

		l = index_at(x, INDEX_EDORG_LINK, slot);
		e = index_at(x, INDEX_EDORG, l->target);
		if (!index_is_there(e->node.flags))
			continue;
		if (numbers_room(x, count + 1) != KERR_OK)
			return KERR_NOMEM;
		x->numbers[count++] = e->name[1];
	}
	*ret = sort(x->numbers, count);
	return KERR_OK;
}

static enum kerr
ods_numbers(struct index *x, const struct index_application *a, struct index_claims *ret)
{
	const struct index_link *l;
	size_t count = 0;
	uint32_t slot;

	ret->all_introspect = true;
	for (slot = a->links[1]; slot != 0; slot = l->next) {
		const struct index_ods *o;

		l = index_at(x, INDEX_ODS_LINK, slot);
		o = index_at(x, INDEX_ODS, l->target);
		if (!index_ods_stands(x, l->target))
			continue;
		if (numbers_room(x, count + 1) != KERR_OK)
			return KERR_NOMEM;
		x->numbers[count++] = o->node.id;
		ret->all_introspect =
			ret->all_introspect && o->mode == ODS_MODE_INTROSPECT;
	}
	ret->all_introspect = ret->all_introspect && count > 0;
	ret->ods_count = sort(x->numbers, count);
	ret->ods = x->numbers;
	return KERR_OK;
}

static void
put_number(struct buf *b, int64_t number)
{
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0)
		digits[--at] = '-';
	buf_put(b, digits + at, sizeof(digits) - at);
}

/* "255901,255902", ended by a NUL. */
static void
put_list(struct buf *b, const int64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_u8(b, ',');
		put_number(b, numbers[i]);
	}
	buf_put_u8(b, 0);
}

static enum kerr
put_lists(struct index *x, const struct index_application *a, struct index_claims *ret)
{
	size_t edorgs, stores_at;
	enum kerr err = edorg_numbers(x, a, &edorgs);

	if (err != KERR_OK)
		return err;
	buf_reset(&x->texts);
	put_list(&x->texts, x->numbers, edorgs);
	stores_at = x->texts.len;
	err = ods_numbers(x, a, ret);
	if (err != KERR_OK)
		return err;
	put_list(&x->texts, ret->ods, ret->ods_count);
	err = buf_error(&x->texts);
	if (err != KERR_OK)
		return err;
	ret->edorgs = (const char *)x->texts.data;
	ret->stores = ret->edorgs + stores_at;
	return KERR_OK;
}

enum kerr
index_claims(struct index *x, int64_t client, struct index_claims *ret)
{
	const struct index_client *c = index_client_of(x, client);
	const struct index_application *a;
	const struct index_vendor *v;
	const struct index_claimset *set;
	struct index_claims claims = {0};
	enum kerr err;

	if (c == NULL)
		return KERR_NOTFOUND;
	a = index_at(x, INDEX_APPLICATION, c->application);
	if ((a->node.flags & INDEX_PRESENT) == 0)
		return KERR_NOTFOUND;
	v = index_at(x, INDEX_VENDOR, a->vendor);
	set = index_at(x, INDEX_CLAIMSET, a->claimset);
	if (v->prefixes == NULL || set->name == NULL)
		return KERR_NOTFOUND;
	err = put_lists(x, a, &claims);
	if (err != KERR_OK)
		return err;
	memcpy(x->key, "kd", 2);
	memcpy(x->key + 2, c->key, KEY_CHARS);
	x->key[CREDENTIAL_KEY_LEN] = '\0';
	claims.key = x->key;
	claims.claimset = set->name;
	claims.claimset_v8 = set->v8_name;
	claims.claimset_version = (int64_t)a->claimset_version;
	claims.year = a->node.year;
	claims.tenant =
		((const struct index_tenant *)index_at(x, INDEX_TENANT, a->tenant))
			->node.id;
	claims.prefixes = v->prefixes;
	*ret = claims;
	return KERR_OK;
}

const char *
index_edorg_name(const struct index *x, int64_t tenant, int64_t number, int *ret_kind)
{
	const int64_t name[2] = {tenant, number};
	uint32_t slot = keymap_find(&x->edorg_names, name);
	const struct index_edorg *e = slot == 0 ? NULL : index_at(x, INDEX_EDORG, slot);

	if (e == NULL || !index_is_there(e->node.flags))
		return NULL;
	*ret_kind = e->kind;
	return e->title;
}

int64_t
index_resource(struct index *x, int64_t client, const char *url)
{
	const struct index_client *c = index_client_of(x, client);
	const struct index_application *a;
	const struct index_link *l;
	uint32_t slot;

	if (c == NULL || url[0] == '\0')
		return 0;
	a = index_at(x, INDEX_APPLICATION, c->application);
	for (slot = a->links[1]; slot != 0; slot = l->next) {
		const struct index_ods *o;

		l = index_at(x, INDEX_ODS_LINK, slot);
		o = index_at(x, INDEX_ODS, l->target);
		if (index_ods_stands(x, l->target) && strcmp(o->url, url) == 0)
			return o->node.id;
	}
	return 0;
}
