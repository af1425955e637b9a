#include "keyd/parent/config/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "core/text.h"

#define HOST_MAX 64

/* The part of text from begin to end as a string of its own. */
static bool
cut(const char *begin, size_t len, char out[HOST_MAX])
{
	if (!len || len >= HOST_MAX)
		return false;
	memcpy(out, begin, len);
	out[len] = '\0';
	return true;
}

static enum kerr
read_port(const char *text, in_port_t *ret)
{
	int64_t port;
	enum kerr err = text_to_int(text, strlen(text), &port);

	if (err != KERR_OK || port < 1 || port > UINT16_MAX)
		return KERR_INVALID;
	*ret = htons((uint16_t)port);
	return KERR_OK;
}

enum kerr
address_read(const char *text, struct address *ret)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char host[HOST_MAX];
	in_port_t port;

	if (!colon || read_port(colon + 1, &port) != KERR_OK)
		return KERR_INVALID;
	if (text[0] == '[') {
		if (len < 3 || text[len - 1] != ']' || !cut(text + 1, len - 2, host) ||
			inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
			return KERR_INVALID;
		v6.sin6_port = port;
		memcpy(&ret->at, &v6, sizeof(v6));
		ret->len = sizeof(v6);
		return KERR_OK;
	}
	if (!cut(text, len, host) || inet_pton(AF_INET, host, &v4.sin_addr) != 1)
		return KERR_INVALID;
	v4.sin_port = port;
	memcpy(&ret->at, &v4, sizeof(v4));
	ret->len = sizeof(v4);
	return KERR_OK;
}

static bool
is_zero_behind(const unsigned char *bytes, unsigned size, unsigned prefix)
{
	for (unsigned bit = prefix; bit < size * 8; bit++) {
		if (bytes[bit / 8] & (0x80u >> (bit % 8)))
			return false;
	}
	return true;
}

bool
address_is_network(const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned char bytes[sizeof(struct in6_addr)];
	unsigned size = 0;
	int64_t prefix;
	char host[HOST_MAX];

	if (!cut(text, len, host))
		return false;
	if (inet_pton(AF_INET, host, bytes) == 1)
		size = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, host, bytes) == 1)
		size = sizeof(struct in6_addr);
	if (!size || !slash)
		return size != 0;
	if (text_to_int(slash + 1, strlen(slash + 1), &prefix) != KERR_OK || prefix < 0 ||
		prefix > size * 8)
		return false;
	return is_zero_behind(bytes, size, (unsigned)prefix);
}
