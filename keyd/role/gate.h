#ifndef KEYD_ROLE_GATE_H
#define KEYD_ROLE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"

/* The gate table: which process may ask what of which, in which phase, how large.
 * message.def is the table; a message that it does not allow ends the peer that sent it
 * (docs/architecture.md). */

enum peer_kind {
	PEER_FRONT = 1,       /* network front */
	PEER_LOCAL_FRONT = 2, /* front of one local connection */
	PEER_KEEPER = 4,
	PEER_PARENT = 8,
	PEER_COURIER = 16,
};

enum phase_bit { PHASE_BIT_EMPTY = 1, PHASE_BIT_SEALED = 2, PHASE_BIT_SERVING = 4 };

enum lane {
	LANE_ANSWER,
	LANE_SIGN,
	LANE_FIRST,
	LANE_WRITE,
	LANE_READ,
	LANE_HASH,
	LANE_NONE
};

enum message_number {
#define MESSAGE(number, name, ...) MESSAGE_##name = (number),
#include "keyd/role/message.def"
#undef MESSAGE
};

struct gate_row {
	uint16_t number;
	const char *name;
	unsigned askers; /* bits of enum peer_kind */
	unsigned phases; /* bits of enum phase_bit */
	size_t max;      /* largest payload, bytes */
	enum lane lane;
	const struct schema *asked;    /* NULL: no payload */
	const struct schema *answered; /* NULL: no payload */
};

/* The row of that number; NULL when the table has none. */
const struct gate_row *gate_find(uint16_t number);
/* KERR_OK, KERR_PROTOCOL (end the peer: unknown, not its to ask, too large), or
 * KERR_PHASE (allowed in another phase: answer that, the peer may not know yet). phase is
 * one of enum phase_bit. */
enum kerr gate_check(const struct gate_row *row, enum peer_kind peer,
	enum phase_bit phase, size_t length) MUST_CHECK;
/* Does the answer give somebody a token or a secret that lets them in? Refused while keyd
 * does not know whether it should (damage, or a sink that knows more). */
bool gate_issues(const struct gate_row *row);
size_t gate_count(void);
const struct gate_row *gate_at(size_t i);

/* Schemas of messages between keyd's processes that nobody else sees. */
enum handover_field {
	HANDOVER_WHAT,   /* enum handover_word: what the descriptor is */
	HANDOVER_NUMBER, /* of the peer or of the local connection */
	HANDOVER_KIND,   /* enum peer_kind of a peer */
	HANDOVER__COUNT
};
enum handover_word {
	HANDOVER_PEER,            /* socket pair end towards a peer */
	HANDOVER_PUBLIC_LISTENER, /* front */
	HANDOVER_ADMIN_LISTENER,  /* front */
	HANDOVER_LOCAL_LISTENER,  /* keeper: the Unix socket */
	HANDOVER_CERTIFICATE,     /* front: PEM chain */
	HANDOVER_KEY,             /* front: PEM private key */
	HANDOVER_STATE,           /* keeper: the state directory */
	HANDOVER_SINK,            /* keeper: the audit sink's directory */
	HANDOVER_SEAL_KEY,        /* keeper: the automatic slot's key file */
	HANDOVER_CREDENTIAL,      /* keeper: the automatic slot's systemd credential */
	HANDOVER_CONNECTION,      /* local front: a person's connection */
	HANDOVER_SYSLOG,          /* keeper: datagram socket connected to syslog */
	HANDOVER__WORDS
};
extern const struct schema handover_schema;
enum phase_field { PHASE_FIELD_PHASE, PHASE_FIELD__COUNT };
extern const struct schema phase_schema;
/* A backup that comes back: the question (backup_ask) and the stream. */
enum restore_ask_field { RESTORE_ASK_ASK, RESTORE_ASK_DATA, RESTORE_ASK__COUNT };
extern const struct schema restore_ask_schema;

#endif
