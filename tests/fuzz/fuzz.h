#ifndef KEYD_TESTS_FUZZ_FUZZ_H
#define KEYD_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What every target is: libFuzzer's entry. Under gcc replay.c calls it with the files of
 * the corpus instead. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that no input may break. */
#define FUZZ_CHECK(holds)                                                                \
	do {                                                                             \
		if (!(holds)) {                                                          \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
				#holds);                                                 \
			abort();                                                         \
		}                                                                        \
	} while (0)

#endif
