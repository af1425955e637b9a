#include "keyd/keeper/store/mac.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/arena.h"

/* Keys are few: one, and beside it one or two while the rows are renewed. */
#define KEYS_MAX 64

struct known {
	uint32_t key;
	struct vault_macer *macer;
};

struct macs {
	struct vault *vault;
	pthread_mutex_t lock; /* for adding */
	_Atomic unsigned count;
	struct known known[KEYS_MAX];
};

struct macs *
macs_new(struct vault *v)
{
	struct macs *m = mem_new(1, sizeof(*m));

	if (!m)
		return NULL;
	m->vault = v;
	(void)pthread_mutex_init(&m->lock, NULL);
	return m;
}

void
macs_free(struct macs *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < atomic_load(&m->count); i++)
		vault_macer_free(m->known[i].macer);
	(void)pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

static const struct vault_macer *
find(struct macs *m, uint32_t key)
{
	unsigned count = atomic_load_explicit(&m->count, memory_order_acquire);

	for (unsigned i = 0; i < count; i++) {
		if (m->known[i].key == key)
			return m->known[i].macer;
	}
	return NULL;
}

static bool
is_row_key(struct macs *m, uint32_t key)
{
	for (size_t i = 0; i < vault_key_count(m->vault); i++) {
		struct vault_key k = vault_key_at(m->vault, i);

		if (k.number == key)
			return k.purpose == KEY_ROW_MAC && k.state != KEY_DESTROYED;
	}
	return false;
}

static const struct vault_macer *
add(struct macs *m, uint32_t key)
{
	unsigned count = atomic_load(&m->count);
	struct vault_macer *macer;

	if (count == KEYS_MAX || !is_row_key(m, key))
		return NULL;
	macer = vault_macer_new(m->vault, key, "row");
	if (!macer)
		return NULL;
	m->known[count].key = key;
	m->known[count].macer = macer;
	atomic_store_explicit(&m->count, count + 1, memory_order_release);
	return macer;
}

const struct vault_macer *
macs_of(struct macs *m, uint32_t key)
{
	const struct vault_macer *macer = find(m, key);

	if (macer)
		return macer;
	(void)pthread_mutex_lock(&m->lock);
	macer = find(m, key);
	if (!macer)
		macer = add(m, key);
	(void)pthread_mutex_unlock(&m->lock);
	return macer;
}

const struct vault_macer *
macs_active(struct macs *m, uint32_t *ret_key)
{
	*ret_key = vault_active(m->vault, KEY_ROW_MAC);
	return *ret_key ? macs_of(m, *ret_key) : NULL;
}

enum kerr
macs_hash(struct macs *m, const char *use, const void *bytes, size_t len,
	uint8_t ret[VAULT_MAC_LEN])
{
	struct vault_part part = {.bytes = bytes, .len = len};

	return vault_mac(m->vault, vault_active(m->vault, KEY_ROW_MAC), use, &part, 1,
		ret, VAULT_MAC_LEN);
}
