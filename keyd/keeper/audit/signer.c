#include "keyd/keeper/audit/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"

#define SIGNER_FILE "audit-signer"
#define SLOT_LEN    2048
#define SEED_LEN    32
#define PLAIN_MAX   1024

_Static_assert(SEED_LEN == crypto_sign_SEEDBYTES, "seed of libsodium");

void
signer_clear(struct signer *s)
{
	secret_free(s->seed);
	secret_free(s->salt);
	*s = (struct signer){.seed = NULL};
}

/* The key pair of a seed; the secret half is the caller's to wipe. */
static void
key_pair(const struct secret *seed, uint8_t *ret_public,
	uint8_t ret_secret[crypto_sign_SECRETKEYBYTES])
{
	crypto_sign_seed_keypair(ret_public, ret_secret, secret_reveal(seed));
}

static enum kerr
fill(struct signer *s, const uint8_t *seed, const uint8_t *salt)
{
	uint8_t secret_half[crypto_sign_SECRETKEYBYTES];

	s->seed = secret_new(seed, SEED_LEN);
	s->salt = secret_new(salt, TAIL_SALT_LEN);
	if (s->seed == NULL || s->salt == NULL)
		return KERR_NOMEM;
	key_pair(s->seed, s->key, secret_half);
	sodium_memzero(secret_half, sizeof(secret_half));
	return KERR_OK;
}

enum kerr
signer_new(struct signer *ret, struct vault *v, const char *segment, uint64_t since,
	uint64_t counter)
{
	struct signer s = {.since = since,
		.counter = counter,
		.tail_key = vault_active(v, KEY_AUDIT)};
	uint8_t random[SEED_LEN + TAIL_SALT_LEN];
	size_t len = strlen(segment);
	enum kerr err;

	if (len >= sizeof(s.segment))
		return KERR_INVALID;
	memcpy(s.segment, segment, len + 1);
	randombytes_buf(random, sizeof(random));
	err = fill(&s, random, random + SEED_LEN);
	sodium_memzero(random, sizeof(random));
	if (err == KERR_OK)
		*ret = s;
	else
		signer_clear(&s);
	return err;
}

enum kerr
signer_sign(const struct signer *s, const struct signer *successor, struct note *n)
{
	const struct signer *next = successor != NULL ? successor : s;
	uint8_t public_half[TRAIL_KEY_LEN];
	uint8_t secret_half[crypto_sign_SECRETKEYBYTES];
	struct buf text;
	enum kerr err;

	memcpy(n->segment, s->segment, sizeof(n->segment));
	memcpy(n->next, next->key, sizeof(n->next));
	note_key_id(n->segment, s->key, n->id);
	buf_init(&text, NOTE_MAX);
	note_put_text(&text, n);
	err = buf_error(&text);
	if (err == KERR_OK) {
		key_pair(s->seed, public_half, secret_half);
		if (crypto_sign_detached(
			    n->sig, NULL, text.data, text.len, secret_half) != 0)
			err = KERR_CRYPTO;
		sodium_memzero(secret_half, sizeof(secret_half));
	}
	buf_clear(&text);
	return err;
}

static struct seal_place
place_of(uint64_t counter)
{
	return (struct seal_place){.table = SIGNER_FILE,
		.column = "slot",
		.purpose = "audit-signer",
		.row = (int64_t)(counter & 1),
		.version = (int64_t)counter};
}

static void
put_plain(struct buf *out, const struct signer *s)
{
	buf_put(out, secret_reveal(s->seed), SEED_LEN);
	buf_put(out, secret_reveal(s->salt), TAIL_SALT_LEN);
	buf_put_u32(out, s->tail_key);
	buf_put_u64(out, s->since);
	buf_put_u16(out, (uint16_t)strlen(s->segment));
	buf_put_text(out, s->segment);
	buf_put_u16(out, (uint16_t)s->note_len);
	buf_put(out, s->note, s->note_len);
}

static enum kerr
read_plain(const struct buf *plain, uint64_t counter, struct signer *ret)
{
	struct signer s = {.counter = counter};
	struct cursor c;
	const uint8_t *seed, *salt, *segment, *note;
	size_t len;
	enum kerr err = KERR_DAMAGED;

	cursor_init(&c, plain->data, plain->len);
	seed = cursor_bytes(&c, SEED_LEN);
	salt = cursor_bytes(&c, TAIL_SALT_LEN);
	s.tail_key = cursor_u32(&c);
	s.since = cursor_u64(&c);
	len = cursor_u16(&c);
	segment = cursor_bytes(&c, len);
	s.note_len = cursor_u16(&c);
	note = cursor_bytes(&c, s.note_len);
	if (c.failed || c.left != 0 || len >= sizeof(s.segment) ||
		s.note_len > sizeof(s.note))
		return KERR_DAMAGED;
	memcpy(s.segment, segment, len);
	if (s.note_len > 0)
		memcpy(s.note, note, s.note_len);
	err = fill(&s, seed, salt);
	if (err == KERR_OK)
		*ret = s;
	else
		signer_clear(&s);
	return err;
}

/* The file's name on disk as well; the directory's descriptor may be one of O_PATH. */
static enum kerr
sync_directory(int state_fd)
{
	int fd = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum kerr err;

	if (fd < 0)
		return KERR_IO;
	err = fsync(fd) == 0 ? KERR_OK : KERR_IO;
	close(fd);
	return err;
}

static enum kerr
write_slot(int state_fd, unsigned slot, const uint8_t bytes[SLOT_LEN])
{
	int fd = openat(
		state_fd, SIGNER_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum kerr err = KERR_IO;
	size_t done = 0;

	if (fd < 0)
		return KERR_IO;
	while (done < SLOT_LEN) {
		ssize_t n = pwrite(fd, bytes + done, SLOT_LEN - done,
			(off_t)(slot * SLOT_LEN + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			goto out;
		done += (size_t)n;
	}
	if (fsync(fd) == 0)
		err = sync_directory(state_fd);
out:
	close(fd);
	return err;
}

enum kerr
signer_save(int state_fd, struct vault *v, const struct signer *s)
{
	const struct seal_place place = place_of(s->counter);
	uint8_t bytes[SLOT_LEN] = {0};
	struct buf plain, sealed, slot;
	enum kerr err;

	buf_init(&plain, PLAIN_MAX);
	buf_init(&sealed, SLOT_LEN);
	buf_init(&slot, SLOT_LEN);
	put_plain(&plain, s);
	err = buf_error(&plain);
	if (err == KERR_OK)
		err = vault_seal_direct(
			v, KEY_STATE, &place, plain.data, plain.len, &sealed);
	if (err == KERR_OK) {
		buf_put_u64(&slot, s->counter);
		buf_put_u32(&slot, (uint32_t)sealed.len);
		buf_put(&slot, sealed.data, sealed.len);
		err = buf_error(&slot);
	}
	if (err == KERR_OK) {
		memcpy(bytes, slot.data, slot.len);
		err = write_slot(state_fd, s->counter & 1, bytes);
	}
	buf_clear(&plain);
	buf_clear(&sealed);
	buf_clear(&slot);
	return err;
}

enum kerr
signer_forget_other(int state_fd, const struct signer *s)
{
	static const uint8_t nothing[SLOT_LEN];

	return write_slot(state_fd, (s->counter & 1) ^ 1, nothing);
}

static enum kerr
read_slot(int state_fd, unsigned slot, uint8_t ret[SLOT_LEN])
{
	int fd = openat(state_fd, SIGNER_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum kerr err = KERR_OK;
	size_t done = 0;

	if (fd < 0)
		return errno == ENOENT ? KERR_NOTFOUND : KERR_IO;
	while (done < SLOT_LEN) {
		ssize_t n = pread(
			fd, ret + done, SLOT_LEN - done, (off_t)(slot * SLOT_LEN + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n == 0 ? KERR_NOTFOUND : KERR_IO;
			break;
		}
		done += (size_t)n;
	}
	close(fd);
	return err;
}

enum kerr
signer_load(int state_fd, struct vault *v, unsigned slot, struct signer *ret)
{
	uint8_t bytes[SLOT_LEN];
	struct seal_place place;
	const uint8_t *sealed;
	struct cursor c;
	uint64_t counter;
	struct buf plain;
	uint32_t len;
	enum kerr err;

	err = read_slot(state_fd, slot, bytes);
	if (err != KERR_OK)
		return err;
	cursor_init(&c, bytes, sizeof(bytes));
	counter = cursor_u64(&c);
	len = cursor_u32(&c);
	sealed = cursor_bytes(&c, len);
	if (counter == 0 && len == 0)
		return KERR_NOTFOUND;
	if (sealed == NULL || (counter & 1) != slot)
		return KERR_DAMAGED;
	place = place_of(counter);
	buf_init(&plain, PLAIN_MAX);
	err = vault_open_direct(v, &place, sealed, len, &plain);
	if (err == KERR_OK)
		err = read_plain(&plain, counter, ret);
	buf_clear(&plain);
	return err;
}
