#include "keyd/keeper/audit/parts.h"

#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/audit/sink_list.h"

/* What the sink knows and a backup does not. Every file is checked as a chain of its own:
 * an old segment may go on behind the record at which a restore left it. */

struct replay {
	const struct audit_replay *how;
	int dir;
	struct sink_list list;
	struct trail trail;
	int64_t time;
	struct audit_mark newest;
};

static enum kerr
pass_on(struct replay *p, struct trail_text line)
{
	struct record *r;
	enum kerr err;

	arena_reset(p->how->arena);
	r = record_new(p->how->arena, &audit_schema);
	if (r == NULL)
		return KERR_NOMEM;
	err = audit_parse(line.p, line.len, r);
	if (err == KERR_INVALID)
		return KERR_DAMAGED;
	if (err != KERR_OK)
		return err;
	if (record_int(r, AUDIT_TIME) > p->time)
		p->time = record_int(r, AUDIT_TIME);
	return p->trail.at.seq > p->how->after_seq ? p->how->each(p->how->with, r)
						   : KERR_OK;
}

static enum kerr
replay_records(struct replay *p, struct trail_file *records, struct trail_witness *heads)
{
	uint8_t hash[TRAIL_HASH_LEN];
	enum trail_item item;
	struct trail_text text, line;
	enum kerr err, more;

	err = trail_witness_start(heads, &p->trail);
	while (err == KERR_OK) {
		more = trail_file_next(records, &item, &text);
		err = trail_witness_step(heads, &p->trail);
		if (more == KERR_NOTFOUND || err != KERR_OK)
			break;
		line = text;
		err = more;
		if (err == KERR_INVALID ||
			(err == KERR_OK &&
				(item != TRAIL_ITEM_RECORD ||
					trail_cut_hash(&line, hash) != KERR_OK)))
			err = KERR_DAMAGED;
		if (err == KERR_OK)
			err = trail_record(&p->trail, line, hash);
		if (err == KERR_OK)
			err = pass_on(p, text);
	}
	return err == KERR_OK ? trail_witness_end(heads, &p->trail) : err;
}

static enum kerr
replay_segment(struct replay *p, const char *segment)
{
	struct sink_reading records = {.file = NULL}, heads = {.file = NULL};
	struct trail_witness w = {.as_heads = true};
	enum kerr err = sink_reading_open(&records, p->dir, segment, false);

	if (err == KERR_OK) {
		err = sink_reading_open(&heads, p->dir, segment, true);
		/* a segment may have come to no head */
		if (err == KERR_NOTFOUND)
			err = KERR_OK;
	}
	if (err == KERR_OK) {
		w.files = &heads.file;
		w.count = heads.file != NULL ? 1 : 0;
		p->trail = (struct trail){.first = 0};
		err = replay_records(p, records.file, &w);
	}
	if (p->trail.at.seq > p->newest.seq) {
		p->newest.seq = p->trail.at.seq;
		memcpy(p->newest.head, p->trail.at.hash, sizeof(p->newest.head));
	}
	if (p->trail.head.seq > 0 && p->trail.head.time > p->time)
		p->time = p->trail.head.time;
	sink_reading_close(&records);
	sink_reading_close(&heads);
	return err;
}

enum kerr
audit_sink_replay(int sink_fd, const struct audit_replay *how, int64_t *ret_newest_time,
	struct audit_mark *ret_newest)
{
	struct replay *p = mem_new(1, sizeof(*p));
	enum kerr err = KERR_NOMEM;

	if (p == NULL)
		return err;
	p->how = how;
	p->dir = sink_fd;
	err = sink_list_read(&p->list, sink_fd, how->deployment, false);
	for (size_t i = 0; err == KERR_OK && i < p->list.count; i++)
		err = replay_segment(p, p->list.at[i].segment);
	if (err == KERR_OK && p->newest.seq == 0)
		err = KERR_NOTFOUND;
	/* also of what is damaged further on: how far it is sound */
	if (err == KERR_OK || err == KERR_DAMAGED) {
		*ret_newest_time = p->time;
		*ret_newest = p->newest;
	}
	mem_free(p);
	return err;
}
