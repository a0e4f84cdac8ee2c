/*
 * The high-water mark of the heap during one parse. The address sanitizer's allocator calls hooks
 * with every block; only the thread that counts is counted, as libFuzzer has threads of its own.
 */
#include "CFuzzSupport.h"

#include <sanitizer/allocator_interface.h>
#include <stdint.h>
#include <stdlib.h>

static _Thread_local int counting;
static _Thread_local int64_t held, peak;

static void on_malloc(const volatile void *block, size_t size) {
  (void)block;
  if (!counting) return;
  held += (int64_t)size;
  if (held > peak) peak = held;
}

static void on_free(const volatile void *block) {
  if (!counting || block == NULL) return;
  held -= (int64_t)__sanitizer_get_allocated_size(block);
}

void fuzz_heap_begin(void) {
  static int installed;
  if (!installed) {
    if (__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) == 0) abort();
    installed = 1;
  }
  held = 0;
  peak = 0;
  counting = 1;
}

size_t fuzz_heap_peak(void) {
  counting = 0;
  return (size_t)peak;
}

const char *fuzz_target(void) {
  const char *name = getenv("FRAMED_RPC_FUZZ_TARGET");
  return name == NULL ? "" : name;
}
