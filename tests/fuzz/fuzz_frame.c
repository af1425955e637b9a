#include "core/frame.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* The messages of a frame that a peer sent. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame_in in;
	struct message m;
	enum kerr err;
	size_t taken = 0;

	frame_in_init(&in);
	in.len = size < sizeof(in.bytes) ? size : sizeof(in.bytes);
	in.at = 0;
	if (in.len > 0)
		memcpy(in.bytes, data, in.len);
	while ((err = frame_next(&in, 1u << 20, &m)) == KERR_OK) {
		/* without a descriptor nothing can lie in one */
		FUZZ_CHECK((m.flags & (FRAME_IN_MEMFD | FRAME_WITH_FD)) == 0 && m.fd < 0);
		taken += FRAME_HEADER + m.length;
		FUZZ_CHECK(taken <= in.len);
		FUZZ_CHECK(m.length == 0 ||
			   (m.payload >= in.bytes &&
				   m.payload + m.length <= in.bytes + in.len));
	}
	FUZZ_CHECK(err == KERR_NOTFOUND || err == KERR_PROTOCOL);
	FUZZ_CHECK(err == KERR_PROTOCOL || taken == in.len);
	frame_in_clear(&in);
	return 0;
}
