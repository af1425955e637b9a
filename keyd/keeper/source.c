#include "keyd/keeper/source.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool
is_ipv4(const uint8_t source[SOURCE_LEN])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(source, mapped, sizeof(mapped)) == 0;
}

void
source_network(const uint8_t source[SOURCE_LEN], uint8_t ret[SOURCE_LEN])
{
	memcpy(ret, source, SOURCE_LEN);
	if (!is_ipv4(source))
		memset(ret + 8, 0, 8);
}

void
source_text(const uint8_t source[SOURCE_LEN], char ret[SOURCE_TEXT_SIZE])
{
	uint8_t network[SOURCE_LEN];
	char address[SOURCE_TEXT_SIZE - 3]; /* room for /64 */

	source_network(source, network);
	if (is_ipv4(source)) {
		snprintf(ret, SOURCE_TEXT_SIZE, "%u.%u.%u.%u", source[12], source[13],
			source[14], source[15]);
		return;
	}
	ret[0] = '\0';
	if (inet_ntop(AF_INET6, network, address, sizeof(address)) != NULL)
		snprintf(ret, SOURCE_TEXT_SIZE, "%s/64", address);
}
