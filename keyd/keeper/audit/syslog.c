#include "keyd/keeper/audit/sink.h"

#include <string.h>
#include <sys/uio.h>

/* Audit records for the system's log, beside the sink (RFC 3164's form, as /dev/log takes
 * it): facility authpriv, severity notice. */

#define PREFIX "<85>keyd-audit: "

void
syslog_send(int fd, const char *records, size_t len)
{
	const char *end;

	while (fd >= 0 && len > 0 && (end = memchr(records, '\n', len)) != NULL) {
		size_t n = (size_t)(end - records);
		struct iovec parts[] = {{.iov_base = (void *)(uintptr_t)PREFIX,
						.iov_len = sizeof(PREFIX) - 1},
			{.iov_base = (void *)(uintptr_t)records, .iov_len = n}};

		/* the socket does not block: a log that is full loses its copy, the sink
		 * has its own */
		if (writev(fd, parts, 2) < 0)
			return;
		records = end + 1;
		len -= n + 1;
	}
}
