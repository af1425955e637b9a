#include "keyd/keeper/model/backup.h"

#include <sodium.h>
#include <string.h>

#include "core/model/model.h"

#define MAGIC     "keyd backup 1\n"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
#define CHUNK     ((size_t)256 << 10)
#define FILE_MAX  ((size_t)1 << 30)
#define SLOTS_MAX 64
#define KEYS_MAX  4096
#define HASH_LEN  32
#define END_LEN   (HASH_LEN + 8)

static struct seal_place
place_of(uint64_t i, bool end)
{
	return (struct seal_place){.table = "backup",
		.column = "chunk",
		.purpose = end ? "backup-end" : "backup",
		.row = (int64_t)i,
		.version = 1};
}

struct writing {
	struct vault *vault;
	struct buf *out;
	struct buf chunk;
	struct buf sealed;
	uint64_t chunks;
};

static enum kerr
seal_chunk(struct writing *w, const void *plain, size_t len, bool end)
{
	struct seal_place place = place_of(w->chunks, end);
	enum kerr err;

	buf_reset(&w->sealed);
	err = vault_seal_direct(w->vault, KEY_BACKUP, &place, plain, len, &w->sealed);
	if (err != KERR_OK)
		return err;
	buf_put_u32(w->out, (uint32_t)w->sealed.len);
	buf_put(w->out, w->sealed.data, w->sealed.len);
	w->chunks++;
	return buf_error(w->out);
}

static enum kerr
put_rows(void *with, const void *bytes, size_t len)
{
	struct writing *w = with;
	enum kerr err = KERR_OK;

	buf_put(&w->chunk, bytes, len);
	if (buf_error(&w->chunk) != KERR_OK)
		return buf_error(&w->chunk);
	while (err == KERR_OK && w->chunk.len >= CHUNK) {
		err = seal_chunk(w, w->chunk.data, CHUNK, false);
		buf_consume(&w->chunk, CHUNK);
	}
	return err;
}

struct slots {
	struct buf *out;
	unsigned count;
};

static enum kerr
put_slot(void *with, struct record *row)
{
	struct slots *s = with;
	int kind = (int)record_int(row, ROW_SEAL_SLOT_KIND);
	const char *label = record_text(row, ROW_SEAL_SLOT_LABEL);
	const uint8_t *sealed;
	size_t len;

	if (kind != SLOT_KIND_RECOVERY_CODE && kind != SLOT_KIND_PASSPHRASE)
		return KERR_OK; /* the automatic slot stays with its machine */
	sealed = record_bytes(row, ROW_SEAL_SLOT_SEALED, &len);
	buf_put_u8(s->out, (uint8_t)kind);
	buf_put_u16(s->out, (uint16_t)strlen(label));
	buf_put_text(s->out, label);
	buf_put_u32(s->out, (uint32_t)len);
	buf_put(s->out, sealed, len);
	s->count++;
	return buf_error(s->out);
}

static enum kerr
put_keyring(struct vault *v, struct buf *out)
{
	struct buf sealed;
	enum kerr err = KERR_OK;
	size_t i;

	buf_init(&sealed, 4096);
	buf_put_u16(out, (uint16_t)vault_key_count(v));
	for (i = 0; err == KERR_OK && i < vault_key_count(v); i++) {
		struct vault_key key = vault_key_at(v, i);

		buf_reset(&sealed);
		if (key.state != KEY_DESTROYED)
			err = vault_key_seal(v, key.number, &sealed);
		buf_put_u32(out, key.number);
		buf_put_u8(out, (uint8_t)key.purpose);
		buf_put_u8(out, (uint8_t)key.state);
		buf_put_u32(out, (uint32_t)sealed.len);
		buf_put(out, sealed.data, sealed.len);
	}
	buf_clear(&sealed);
	return err == KERR_OK ? buf_error(out) : err;
}

static enum kerr
put_head(struct store_reader *r, struct vault *v, const struct backup_facts *f,
	struct buf *head)
{
	const struct store_query q = {.table = TABLE_seal_slot};
	struct arena *a = arena_new(1u << 20);
	struct slots s = {.out = NULL};
	struct buf slots;
	enum kerr err = a != NULL ? KERR_OK : KERR_NOMEM;

	buf_init(&slots, 1u << 18);
	s.out = &slots;
	buf_put_u16(head, (uint16_t)strlen(f->deployment));
	buf_put_text(head, f->deployment);
	buf_put_u64(head, (uint64_t)f->time);
	buf_put_u64(head, f->audit_seq);
	buf_put(head, f->audit_head, sizeof(f->audit_head));
	if (err == KERR_OK)
		err = store_select(r, &q, a, put_slot, &s);
	buf_put_u16(head, (uint16_t)s.count);
	buf_put(head, slots.data, slots.len);
	if (err == KERR_OK)
		err = put_keyring(v, head);
	buf_clear(&slots);
	arena_free(a);
	return err;
}

static enum kerr
put_end(struct writing *w, const struct buf *head, uint64_t rows)
{
	uint8_t hash[HASH_LEN];
	struct buf end;
	enum kerr err = seal_chunk(w, w->chunk.data, w->chunk.len, false);

	crypto_generichash(hash, sizeof(hash), head->data, head->len, NULL, 0);
	buf_init(&end, 256);
	buf_put(&end, hash, sizeof(hash));
	buf_put_u64(&end, rows);
	if (err == KERR_OK)
		err = buf_error(&end);
	if (err == KERR_OK)
		err = seal_chunk(w, end.data, end.len, true);
	buf_clear(&end);
	return err;
}

enum kerr
backup_write(struct store_reader *r, struct vault *v, int64_t now,
	const struct store_state *state, struct buf *out, struct backup_facts *ret)
{
	struct writing w = {.vault = v, .out = out};
	struct backup_facts f = {.time = now, .audit_seq = state->audit_seq};
	struct buf head;
	enum kerr err;

	buf_init(&head, 1u << 20);
	buf_init(&w.chunk, (size_t)64 << 20);
	buf_init(&w.sealed, CHUNK * 2 + 4096);
	memcpy(f.audit_head, state->audit_head, sizeof(f.audit_head));
	memcpy(f.deployment, vault_deployment(v),
		strnlen(vault_deployment(v), VAULT_NAME_LEN));
	err = put_head(r, v, &f, &head);
	buf_put_text(out, MAGIC);
	buf_put_u32(out, (uint32_t)head.len);
	buf_put(out, head.data, head.len);
	if (err == KERR_OK)
		err = store_dump(r, put_rows, &w, &f.rows);
	if (err == KERR_OK)
		err = put_end(&w, &head, f.rows);
	buf_clear(&head);
	buf_clear(&w.chunk);
	buf_clear(&w.sealed);
	*ret = f;
	return err == KERR_OK ? buf_error(out) : err;
}

/* The head and what follows it; false when it is none. */
static bool
split(const void *bytes, size_t len, struct cursor *ret_head, struct cursor *ret_rest)
{
	const uint8_t *magic, *head;
	uint32_t n;

	cursor_init(ret_rest, bytes, len);
	magic = cursor_bytes(ret_rest, MAGIC_LEN);
	n = cursor_u32(ret_rest);
	head = cursor_bytes(ret_rest, n);
	if (len > FILE_MAX || ret_rest->failed || memcmp(magic, MAGIC, MAGIC_LEN) != 0)
		return false;
	cursor_init(ret_head, head, n);
	return true;
}

static bool
read_facts(struct cursor *c, struct backup_facts *f)
{
	uint16_t n = cursor_u16(c);
	const uint8_t *name = cursor_bytes(c, n), *hash;

	if (c->failed || n > VAULT_NAME_LEN)
		return false;
	memcpy(f->deployment, name, n);
	f->time = (int64_t)cursor_u64(c);
	f->audit_seq = cursor_u64(c);
	hash = cursor_bytes(c, sizeof(f->audit_head));
	if (c->failed)
		return false;
	memcpy(f->audit_head, hash, sizeof(f->audit_head));
	return true;
}

static enum kerr
each_slot(struct cursor *c, backup_slot each, void *with)
{
	unsigned count = cursor_u16(c), i;
	enum kerr err = KERR_OK;

	for (i = 0; err == KERR_OK && i < count && i < SLOTS_MAX; i++) {
		int kind = cursor_u8(c);
		size_t n = cursor_u16(c), len;
		const uint8_t *label = cursor_bytes(c, n), *sealed;
		char text[76] = "";

		len = cursor_u32(c);
		sealed = cursor_bytes(c, len);
		if (c->failed || n >= sizeof(text))
			return KERR_DAMAGED;
		memcpy(text, label, n);
		if (each != NULL)
			err = each(with, kind, text, sealed, len);
	}
	return err;
}

enum kerr
backup_slots(const void *bytes, size_t len, backup_slot each, void *with)
{
	struct backup_facts f = {0};
	struct cursor head, rest;

	if (!split(bytes, len, &head, &rest) || !read_facts(&head, &f))
		return KERR_INVALID;
	return each_slot(&head, each, with);
}

struct opening {
	struct vault *vault;
	const struct secret *code;
	enum kerr err;
};

static enum kerr
try_slot(void *with, int kind, const char *label, const void *sealed, size_t len)
{
	struct opening *o = with;

	(void)label;
	if (o->err != KERR_OK)
		o->err = vault_slot_open(o->vault, kind, o->code, sealed, len, NULL);
	return KERR_OK;
}

static enum kerr
read_keyring(struct vault *v, struct cursor *c)
{
	unsigned count = cursor_u16(c), i;
	enum kerr err = KERR_OK;

	if (count > KEYS_MAX)
		return KERR_DAMAGED;
	for (i = 0; err == KERR_OK && i < count; i++) {
		struct vault_key key = {.number = cursor_u32(c)};
		unsigned purpose = cursor_u8(c), state = cursor_u8(c);
		size_t len = cursor_u32(c);
		const uint8_t *sealed = cursor_bytes(c, len);

		if (c->failed || purpose >= KEY__COUNT || state >= KEY_STATE__COUNT)
			return KERR_DAMAGED;
		key.purpose = (enum key_purpose)purpose;
		key.state = (enum key_state)state;
		err = vault_key_load(v, key, sealed, len);
	}
	return err;
}

static enum kerr
read_end(const struct buf *end, const void *head, size_t head_len, uint64_t *ret_rows)
{
	uint8_t hash[HASH_LEN];
	struct cursor c;

	crypto_generichash(hash, sizeof(hash), head, head_len, NULL, 0);
	if (end->len != END_LEN || sodium_memcmp(end->data, hash, sizeof(hash)) != 0)
		return KERR_DAMAGED;
	cursor_init(&c, end->data + HASH_LEN, 8);
	*ret_rows = cursor_u64(&c);
	return KERR_OK;
}

static enum kerr
read_chunks(struct vault *v, struct cursor *c, const void *head, size_t head_len,
	struct buf *rows, uint64_t *ret_rows)
{
	struct buf plain;
	uint64_t i;
	enum kerr err = KERR_DAMAGED;

	buf_init(&plain, CHUNK * 2);
	for (i = 0; c->left > 0; i++) {
		size_t len = cursor_u32(c);
		const uint8_t *sealed = cursor_bytes(c, len);
		bool end = c->left == 0;
		struct seal_place place = place_of(i, end);

		if (c->failed) {
			err = KERR_DAMAGED;
			break;
		}
		buf_reset(&plain);
		err = vault_open_direct(v, &place, sealed, len, &plain);
		if (err != KERR_OK)
			break;
		if (end)
			err = read_end(&plain, head, head_len, ret_rows);
		else
			buf_put(rows, plain.data, plain.len);
		if (err == KERR_OK)
			err = buf_error(rows);
		if (err != KERR_OK)
			break;
	}
	buf_clear(&plain);
	return err;
}

enum kerr
backup_open(struct vault *fresh, const struct secret *code, const struct vault_part *file,
	struct buf *ret_rows, struct backup_facts *ret, struct fault *fault)
{
	struct opening o = {.vault = fresh, .code = code, .err = KERR_DENIED};
	struct backup_facts f = {0};
	struct cursor head, rest;
	const void *head_at;
	size_t head_len;
	enum kerr err;

	if (!split(file->bytes, file->len, &head, &rest))
		return fault_set(
			fault, KERR_INVALID, "file", "that is no backup of keyd");
	head_at = head.p;
	head_len = head.left;
	if (!read_facts(&head, &f) ||
		vault_set_deployment(fresh, f.deployment) != KERR_OK)
		return fault_set(
			fault, KERR_DAMAGED, "file", "the backup's head is damaged");
	err = each_slot(&head, try_slot, &o);
	if (err == KERR_OK && o.err != KERR_OK)
		return fault_set(fault, KERR_DENIED, "secret",
			"that is not the recovery code or passphrase of this backup");
	if (err == KERR_OK)
		err = read_keyring(fresh, &head);
	if (err == KERR_OK)
		err = read_chunks(fresh, &rest, head_at, head_len, ret_rows, &f.rows);
	if (err != KERR_OK)
		return fault_set(fault, err, "file",
			err == KERR_NOMEM ? "no memory for the backup"
					  : "the backup is damaged or cut: nothing was "
					    "taken from it");
	*ret = f;
	return KERR_OK;
}
