#include "core/clock.h"
#include "core/model/model.h"
#include "keyd/keeper/index/parts.h"

/* Applications, and the rows that say which education organizations and ODS are theirs.
 */

/* Days beyond moment's range; what a date can mean ends long before. */
#define DAY_MAX INT64_C(50000)

/* The day's first moment. A million agreements have a few dates between them, and the
 * zone's rules are slow to ask. */
static uint32_t
day_start(struct index *x, int64_t day)
{
	struct index_day *kept;

	if (day < 0)
		return 0;
	if (day > DAY_MAX)
		return UINT32_MAX;
	kept = &x->days[day % DAYS_KEPT];
	if (kept->day != day) {
		kept->start = clock_day_start(day);
		kept->day = day;
	}
	return index_moment(kept->start);
}

static void
unref_all(struct index *x, struct index_application *a)
{
	index_unref(x, INDEX_TENANT, a->tenant);
	index_unref(x, INDEX_VENDOR, a->vendor);
	index_unref(x, INDEX_CLAIMSET, a->claimset);
}

enum kerr
index_put_application(struct index *x, const struct record *row)
{
	uint32_t slot = index_want(x, INDEX_APPLICATION, record_int(row, ROW_ID));
	struct index_application *a, next = {0};
	int64_t ends = record_int(row, ROW_APPLICATION_ENDS);

	if (slot == 0)
		return KERR_NOMEM;
	a = index_at(x, INDEX_APPLICATION, slot);
	next.tenant = index_ref(x, INDEX_TENANT, record_int(row, ROW_TENANT_ID));
	next.vendor =
		index_ref(x, INDEX_VENDOR, record_int(row, ROW_APPLICATION_VENDOR_ID));
	next.claimset = index_ref(
		x, INDEX_CLAIMSET, record_int(row, ROW_APPLICATION_CLAIMSET_ID));
	if (next.tenant == 0 || next.vendor == 0 || next.claimset == 0) {
		unref_all(x, &next);
		index_release(x, INDEX_APPLICATION, slot);
		return KERR_NOMEM;
	}
	unref_all(x, a);
	a->tenant = next.tenant;
	a->vendor = next.vendor;
	a->claimset = next.claimset;
	a->claimset_version =
		index_moment(record_int(row, ROW_APPLICATION_CLAIMSET_VERSION));
	a->starts = day_start(x, record_int(row, ROW_APPLICATION_STARTS));
	a->ends = day_start(x, ends > DAY_MAX ? ends : ends + 1);
	a->node.year = (uint16_t)record_int(row, ROW_APPLICATION_YEAR);
	a->node.state = (uint8_t)record_int(row, ROW_APPLICATION_STATE);
	a->node.flags = INDEX_PRESENT;
	return KERR_OK;
}

void
index_drop_application(struct index *x, uint32_t slot)
{
	struct index_application *a = index_at(x, INDEX_APPLICATION, slot);

	if ((a->node.flags & INDEX_PRESENT) == 0)
		return;
	unref_all(x, a);
	a->tenant = a->vendor = a->claimset = 0;
	a->starts = a->ends = 0;
	a->node.flags = 0;
	index_release(x, INDEX_APPLICATION, slot);
}

static enum index_kind
target_of(enum index_kind kind)
{
	return kind == INDEX_EDORG_LINK ? INDEX_EDORG : INDEX_ODS;
}

static void
unlink_from(struct index *x, enum index_kind kind, uint32_t slot)
{
	struct index_link *l = index_at(x, kind, slot);
	struct index_application *a;
	uint32_t *at;

	if (l->application == 0)
		return;
	a = index_at(x, INDEX_APPLICATION, l->application);
	at = &a->links[kind == INDEX_ODS_LINK];
	while (*at != slot)
		at = &((struct index_link *)index_at(x, kind, *at))->next;
	*at = l->next;
	index_unref(x, INDEX_APPLICATION, l->application);
	index_unref(x, target_of(kind), l->target);
}

enum kerr
index_put_link(struct index *x, enum index_kind kind, const struct record *row)
{
	bool edorg = kind == INDEX_EDORG_LINK;
	int64_t id = record_int(row, ROW_ID);
	int64_t application =
		record_int(row, edorg ? (unsigned)ROW_APPLICATION_EDORG_APPLICATION_ID
				      : (unsigned)ROW_APPLICATION_ODS_APPLICATION_ID);
	int64_t target_id =
		record_int(row, edorg ? (unsigned)ROW_APPLICATION_EDORG_EDORG_ID
				      : (unsigned)ROW_APPLICATION_ODS_ODS_ID);
	uint32_t slot = index_want(x, kind, id);
	uint32_t owner = index_ref(x, INDEX_APPLICATION, application);
	uint32_t target = index_ref(x, target_of(kind), target_id);
	struct index_application *a;
	struct index_link *l;

	if (slot == 0 || owner == 0 || target == 0) {
		index_unref(x, INDEX_APPLICATION, owner);
		index_unref(x, target_of(kind), target);
		if (slot != 0 &&
			((struct index_link *)index_at(x, kind, slot))->application == 0)
			index_drop_link(x, kind, id, slot);
		return KERR_NOMEM;
	}
	unlink_from(x, kind, slot);
	a = index_at(x, INDEX_APPLICATION, owner);
	l = index_at(x, kind, slot);
	l->application = owner;
	l->target = target;
	l->next = a->links[!edorg];
	a->links[!edorg] = slot;
	return KERR_OK;
}

void
index_drop_link(struct index *x, enum index_kind kind, int64_t id, uint32_t slot)
{
	unlink_from(x, kind, slot);
	idmap_remove(&x->tables[kind].ids, id);
	slab_remove(&x->tables[kind].rows, slot);
}
