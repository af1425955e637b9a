#include "tests/fuzz/fuzz.h"

/* Runs a target over files, as a plain test. */

#define INPUT_MAX (1u << 20)

int
main(int argc, char **argv)
{
	uint8_t *bytes = malloc(INPUT_MAX), *exact;

	FUZZ_CHECK(bytes != NULL);
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t len;

		FUZZ_CHECK(f != NULL);
		len = fread(bytes, 1, INPUT_MAX, f);
		(void)fclose(f);
		/* of its own size, so that the address sanitizer sees a step beyond it */
		exact = malloc(len > 0 ? len : 1);
		FUZZ_CHECK(exact != NULL);
		for (size_t n = 0; n < len; n++)
			exact[n] = bytes[n];
		(void)LLVMFuzzerTestOneInput(exact, len);
		free(exact);
	}
	free(bytes);
	(void)printf("%d inputs\n", argc - 1);
	return 0;
}
