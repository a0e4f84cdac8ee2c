#ifndef FRAMEDRPC_CPROTOBUFC_SHIM_H
#define FRAMEDRPC_CPROTOBUFC_SHIM_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * A bump allocator for one message: everything that protobuf-c allocates while it unpacks, and the C
 * structs and strings of a message that is about to be packed. Freed as a whole.
 *
 * The first block is the caller's memory (its stack); further blocks come from malloc. `budget` is the
 * number of bytes that may still be handed out: when it is spent, allocations fail, and protobuf-c
 * gives the unpack up. Without it, 1 MB of hostile bytes makes 44 MB of heap.
 */
typedef struct framed_rpc_block {
  struct framed_rpc_block *previous;
} framed_rpc_block;

typedef struct framed_rpc_arena {
  uint8_t *next;
  uint8_t *end;
  size_t budget;
  framed_rpc_block *blocks;
  int exhausted;
} framed_rpc_arena;

enum { FRAMED_RPC_ARENA_ALIGNMENT = 16, FRAMED_RPC_ARENA_BLOCK_BYTES = 8192 };

static inline void framed_rpc_arena_init(
    framed_rpc_arena *arena, void *first_block, size_t first_block_bytes, size_t budget) {
  arena->next = (uint8_t *)first_block;
  arena->end = arena->next + first_block_bytes;
  arena->budget = budget;
  arena->blocks = NULL;
  arena->exhausted = 0;
}

static inline void *framed_rpc_arena_alloc(framed_rpc_arena *arena, size_t size) {
  if (size > arena->budget) {
    arena->exhausted = 1;
    return NULL;
  }
  size_t rounded =
      (size + FRAMED_RPC_ARENA_ALIGNMENT - 1) & ~(size_t)(FRAMED_RPC_ARENA_ALIGNMENT - 1);
  uint8_t *start = (uint8_t *)(((uintptr_t)arena->next + FRAMED_RPC_ARENA_ALIGNMENT - 1) &
                               ~(uintptr_t)(FRAMED_RPC_ARENA_ALIGNMENT - 1));
  if (arena->end < start || (size_t)(arena->end - start) < rounded) {
    size_t header = FRAMED_RPC_ARENA_ALIGNMENT;
    size_t bytes = rounded + header > FRAMED_RPC_ARENA_BLOCK_BYTES
                       ? rounded + header
                       : (size_t)FRAMED_RPC_ARENA_BLOCK_BYTES;
    framed_rpc_block *block = (framed_rpc_block *)malloc(bytes);
    if (block == NULL) {
      arena->exhausted = 1;
      return NULL;
    }
    block->previous = arena->blocks;
    arena->blocks = block;
    start = (uint8_t *)block + header;
    arena->end = (uint8_t *)block + bytes;
  }
  arena->next = start + rounded;
  arena->budget -= size;
  return start;
}

static inline void framed_rpc_arena_destroy(framed_rpc_arena *arena) {
  framed_rpc_block *block = arena->blocks;
  while (block != NULL) {
    framed_rpc_block *previous = block->previous;
    free(block);
    block = previous;
  }
  arena->blocks = NULL;
}

static inline void *framed_rpc_allocator_alloc(void *arena, size_t size) {
  return framed_rpc_arena_alloc((framed_rpc_arena *)arena, size);
}

static inline void framed_rpc_allocator_free(void *arena, void *pointer) {
  (void)arena;
  (void)pointer;
}

/* Unpacks with every allocation taken from the arena; NULL when the bytes are no such message. */
static inline ProtobufCMessage *framed_rpc_unpack(
    const ProtobufCMessageDescriptor *descriptor, framed_rpc_arena *arena, size_t length,
    const uint8_t *bytes) {
  ProtobufCAllocator allocator = {
      framed_rpc_allocator_alloc, framed_rpc_allocator_free, arena};
  return protobuf_c_message_unpack(descriptor, &allocator, length, bytes);
}

#endif
