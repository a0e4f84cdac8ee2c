#ifndef C_FUZZ_SUPPORT_H
#define C_FUZZ_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's loop: SwiftPM gives every program a main function of its own. */
int LLVMFuzzerRunDriver(
    int *count, char ***arguments, int (*one_input)(const uint8_t *bytes, size_t count));

/* The name of what is to be fuzzed: FRAMED_RPC_FUZZ_TARGET, or "". */
const char *fuzz_target(void);

/* Counts the heap that this thread holds from here on. */
void fuzz_heap_begin(void);

/* Stops counting: the most bytes held at once since fuzz_heap_begin. */
size_t fuzz_heap_peak(void);

#endif
