#include "keyd/role/gate.h"

#include "core/model/model.h"
#include "keyd/role/settings.h"

static const struct field handover_fields[] = {
	[HANDOVER_WHAT] = {.name = "what",
		.doc = "what the descriptor is",
		.type = FIELD_INT,
		.max = HANDOVER__WORDS - 1,
		.flags = FIELD_REQUIRED},
	[HANDOVER_NUMBER] = {.name = "number",
		.doc = "number of the peer or of the local connection",
		.type = FIELD_INT,
		.max = INT64_MAX},
	[HANDOVER_KIND] = {.name = "kind",
		.doc = "kind of the peer",
		.type = FIELD_INT,
		.min = PEER_FRONT,
		.max = PEER_COURIER},
};
const struct schema handover_schema = {.name = "handover",
	.doc = "a descriptor that one process gives to another",
	.fields = handover_fields,
	.count = HANDOVER__COUNT};

static const struct field phase_fields[] = {
	[PHASE_FIELD_PHASE] = {.name = "phase",
		.doc = "phase that the keeper is in",
		.words = phase_names,
		.type = FIELD_ENUM,
		.max = PHASE__COUNT - 1,
		.flags = FIELD_REQUIRED},
};
const struct schema phase_schema = {.name = "phase",
	.doc = "the keeper's phase",
	.fields = phase_fields,
	.count = PHASE_FIELD__COUNT};

#define RESTORE_MAX (1 << 30)
static const struct field restore_ask_fields[] = {
	[RESTORE_ASK_ASK] = {.name = "ask",
		.doc = "what is asked about the backup",
		.sub = &backup_ask_request_schema,
		.type = FIELD_RECORDS,
		.min = 1,
		.max = 1,
		.flags = FIELD_REQUIRED},
	[RESTORE_ASK_DATA] = {.name = "data",
		.doc = "the backup itself",
		.type = FIELD_BYTES,
		.min = 1,
		.max = RESTORE_MAX,
		.flags = FIELD_REQUIRED},
};
const struct schema restore_ask_schema = {.name = "restore_ask",
	.doc = "a backup that comes back",
	.fields = restore_ask_fields,
	.count = RESTORE_ASK__COUNT};

/* The short names of message.def. */
enum {
	FN = PEER_FRONT,
	FL = PEER_LOCAL_FRONT,
	K = PEER_KEEPER,
	P = PEER_PARENT,
	C = PEER_COURIER,
	E = PHASE_BIT_EMPTY,
	S = PHASE_BIT_SEALED,
	V = PHASE_BIT_SERVING,
};
#define nothing_schema (*(const struct schema *)NULL)

enum row {
#define MESSAGE(number, name, ...) ROW_##name,
#include "keyd/role/message.def"
#undef MESSAGE
	ROW__COUNT
};

static const struct gate_row rows[] = {
#define MESSAGE(n, row_name, who, when, most, row_lane, asks, answers)                   \
	[ROW_##row_name] = {.number = (n),                                               \
		.name = #row_name,                                                       \
		.askers = (who),                                                         \
		.phases = (when),                                                        \
		.max = (most),                                                           \
		.lane = LANE_##row_lane,                                                 \
		.asked = &asks##_schema,                                                 \
		.answered = &answers##_schema},
#include "keyd/role/message.def"
#undef MESSAGE
};

/* A second row with a number that is taken does not compile (-Woverride-init is an error
 * here). */
#pragma GCC diagnostic error "-Woverride-init"
static const struct gate_row *const by_number[256] = {
#define MESSAGE(n, row_name, ...) [n] = &rows[ROW_##row_name],
#include "keyd/role/message.def"
#undef MESSAGE
};

const struct gate_row *
gate_find(uint16_t number)
{
	if (number >= sizeof(by_number) / sizeof(by_number[0]))
		return NULL;
	return by_number[number];
}

enum kerr
gate_check(const struct gate_row *row, enum peer_kind peer, enum phase_bit phase,
	size_t length)
{
	if (!row || !(row->askers & peer) || length > row->max)
		return KERR_PROTOCOL;
	if (!row->asked && length)
		return KERR_PROTOCOL;
	return row->phases & phase ? KERR_OK : KERR_PHASE;
}

bool
gate_issues(const struct gate_row *row)
{
	return row->lane == LANE_SIGN || row->answered == &envelope_schema ||
	       row->number == MESSAGE_CALLER_ADD;
}

size_t
gate_count(void)
{
	return ROW__COUNT;
}

const struct gate_row *
gate_at(size_t i)
{
	return i < ROW__COUNT ? &rows[i] : NULL;
}
