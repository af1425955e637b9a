#include "keyd/front/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/arena.h"
#include "core/text.h"
#include "keyd/role/settings.h"

#define NETWORKS_MAX 32
#define FIELD_MAX    64
#define V2_HEAD      16
#define V2_BODY_MAX  2048
#define ADDRESS_TEXT 64

struct network {
	uint8_t address[16];
	unsigned bits;
};

struct proxies {
	unsigned count;
	struct network networks[NETWORKS_MAX];
	char field[FIELD_MAX + 1];
};

static const uint8_t v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool
read_address(const char *text, uint8_t ret[16], bool *ret_v4)
{
	uint8_t v4[4];

	*ret_v4 = inet_pton(AF_INET, text, v4) == 1;
	if (!*ret_v4)
		return inet_pton(AF_INET6, text, ret) == 1;
	memset(ret, 0, 10);
	ret[10] = ret[11] = 0xff;
	memcpy(ret + 12, v4, 4);
	return true;
}

/* "10.0.0.0/8", "2001:db8::1". */
static bool
read_network(const char *text, struct network *ret)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[ADDRESS_TEXT];
	int64_t bits = -1;
	bool v4;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!read_address(address, ret->address, &v4))
		return false;
	if (slash && text_to_int(slash + 1, strlen(slash + 1), &bits) != KERR_OK)
		return false;
	if (!slash)
		bits = v4 ? 32 : 128;
	if (bits < 0 || bits > (v4 ? 32 : 128))
		return false;
	ret->bits = (unsigned)bits + (v4 ? 96 : 0);
	return true;
}

static void
take_field(struct proxies *p, const char *name)
{
	size_t n = 0;

	for (; name[n] && n < FIELD_MAX; n++) {
		char c = name[n];

		p->field[n] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
}

enum kerr
proxies_new(const struct record *settings, struct proxies **ret, struct fault *fault)
{
	size_t count = record_count(settings, SETTINGS_TRUSTED_PROXIES);
	struct proxies *p;

	*ret = NULL;
	if (!count)
		return KERR_OK;
	p = mem_new(1, sizeof(*p));
	if (!p)
		return KERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *text = record_text_at(settings, SETTINGS_TRUSTED_PROXIES, i);

		if (!text[0])
			continue;
		if (p->count == NETWORKS_MAX ||
			!read_network(text, &p->networks[p->count])) {
			proxies_free(p);
			return fault_set(fault, KERR_INVALID, "trusted_proxies",
				"'%.64s' is not a network like 10.0.0.0/8 or ::1", text);
		}
		p->count++;
	}
	take_field(p, record_text(settings, SETTINGS_PROXY_HEADER));
	*ret = p;
	return KERR_OK;
}

void
proxies_free(struct proxies *p)
{
	mem_free(p);
}

static bool
contains(const struct network *n, const uint8_t address[16])
{
	unsigned whole = n->bits / 8;
	unsigned rest = n->bits % 8;

	if (memcmp(n->address, address, whole) != 0)
		return false;
	return !rest || !((n->address[whole] ^ address[whole]) >> (8 - rest));
}

bool
proxy_trusts(const struct proxies *p, const uint8_t address[16])
{
	for (unsigned i = 0; p && i < p->count; i++) {
		if (contains(&p->networks[i], address))
			return true;
	}
	return false;
}

bool
proxy_sends_header(const struct proxies *p, const uint8_t address[16])
{
	return p && !p->field[0] && proxy_trusts(p, address);
}

const char *
proxy_field(const struct proxies *p)
{
	return p && p->field[0] ? p->field : NULL;
}

/* The PROXY protocol, version 2, section 2.2. */
static enum kerr
take_v2(const uint8_t *p, size_t len, uint8_t address[16])
{
	unsigned family = p[13] >> 4;

	if (p[12] == 0x20) /* LOCAL: the proxy itself */
		return KERR_OK;
	if (p[12] != 0x21)
		return KERR_PROTOCOL;
	if (family == 1 && len >= V2_HEAD + 12) {
		memset(address, 0, 10);
		address[10] = address[11] = 0xff;
		memcpy(address + 12, p + V2_HEAD, 4);
		return KERR_OK;
	}
	if (family == 2 && len >= V2_HEAD + 36) {
		memcpy(address, p + V2_HEAD, 16);
		return KERR_OK;
	}
	return KERR_PROTOCOL;
}

enum kerr
proxy_read_header(int fd, uint8_t address[16], size_t *ret_want)
{
	uint8_t bytes[V2_HEAD + V2_BODY_MAX];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	size_t known, len;

	*ret_want = V2_HEAD;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? KERR_BUSY : KERR_CLOSED;
	if (n == 0)
		return KERR_CLOSED;
	known = (size_t)n < sizeof(v2_signature) ? (size_t)n : sizeof(v2_signature);
	if (memcmp(bytes, v2_signature, known) != 0)
		return KERR_PROTOCOL;
	if (n < V2_HEAD)
		return KERR_BUSY;
	len = V2_HEAD + (size_t)(bytes[14] << 8 | bytes[15]);
	if (len > sizeof(bytes))
		return KERR_PROTOCOL;
	*ret_want = len;
	if ((size_t)n < len)
		return KERR_BUSY;
	if (recv(fd, bytes, len, MSG_DONTWAIT) != (ssize_t)len)
		return KERR_CLOSED;
	return take_v2(bytes, len, address);
}

static bool
read_hop(const char *text, size_t len, uint8_t ret[16])
{
	char copy[ADDRESS_TEXT];
	bool v4;

	while (len && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return read_address(copy, ret, &v4);
}

void
proxy_read_field(
	const struct proxies *p, const char *list, size_t len, uint8_t address[16])
{
	while (len && proxy_trusts(p, address)) {
		size_t from = len;
		uint8_t hop[16];

		while (from && list[from - 1] != ',')
			from--;
		if (!read_hop(list + from, len - from, hop))
			return;
		memcpy(address, hop, 16);
		len = from ? from - 1 : 0;
	}
}
