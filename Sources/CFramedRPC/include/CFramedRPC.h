/*
 * The runtime of the generated codecs: what `NAME.codec.c` beside `NAME.pb-c.c` is made of.
 *
 * A generated decoder reads untrusted bytes once, straight into the structs of protoc-c, and refuses
 * what must not reach Swift; a generated encoder writes the bytes that protobuf_c_message_pack would.
 * Nothing here allocates but the arena.
 */
#ifndef FRAMEDRPC_CFRAMEDRPC_H
#define FRAMEDRPC_CFRAMEDRPC_H

/* To Swift, protobuf-c's types belong to the module CProtobufC, not to every header with them. */
#if defined(__clang__) && __has_feature(modules)
#pragma clang module import CProtobufC
#else
#include <protobuf-c/protobuf-c.h>
#endif
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FRAMED_RPC_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define FRAMED_RPC_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* ------------------------------------------------------------------------------------- arena */

/*
 * A bump allocator for one message: everything that is allocated while it is decoded, and the C
 * structs and strings of a message that is about to be encoded. Freed as a whole.
 *
 * The first block is the caller's memory (its stack); further blocks come from malloc. `budget` is the
 * number of bytes that may still be handed out: when it is spent, allocations fail, and the decoder
 * gives up. Without it, 1 MB of hostile bytes makes 44 MB of heap.
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

enum { FRAMED_RPC_ARENA_ALIGNMENT = 8, FRAMED_RPC_ARENA_BLOCK_BYTES = 8192 };

static inline void framed_rpc_arena_init(
    framed_rpc_arena *arena, void *first_block, size_t first_block_bytes, size_t budget) {
  arena->next = (uint8_t *)first_block;
  arena->end = arena->next + first_block_bytes;
  arena->budget = budget;
  arena->blocks = NULL;
  arena->exhausted = 0;
}

/* Takes a new block for `size` bytes; NULL when the budget or the heap is spent. */
void *framed_rpc_arena_grow(framed_rpc_arena *arena, size_t size);
void framed_rpc_arena_free_blocks(framed_rpc_arena *arena);

/* Memory for text and raw bytes: any address will do. */
static inline void *framed_rpc_arena_alloc_bytes(framed_rpc_arena *arena, size_t size) {
  uint8_t *start = arena->next;
  if (FRAMED_RPC_UNLIKELY(size > arena->budget || (size_t)(arena->end - start) < size)) {
    return framed_rpc_arena_grow(arena, size);
  }
  arena->next = start + size;
  arena->budget -= size;
  return start;
}

/* Memory for structs and arrays; protobuf-c has no type that needs more alignment than 8. */
static inline void *framed_rpc_arena_alloc(framed_rpc_arena *arena, size_t size) {
  size_t padding = -(uintptr_t)arena->next & (FRAMED_RPC_ARENA_ALIGNMENT - 1);
  size_t room = (size_t)(arena->end - arena->next);
  if (FRAMED_RPC_UNLIKELY(size > arena->budget || room < padding || room - padding < size)) {
    return framed_rpc_arena_grow(arena, size);
  }
  uint8_t *start = arena->next + padding;
  arena->next = start + size;
  arena->budget -= size;
  return start;
}

static inline void framed_rpc_arena_destroy(framed_rpc_arena *arena) {
  if (FRAMED_RPC_UNLIKELY(arena->blocks != NULL)) framed_rpc_arena_free_blocks(arena);
}

/* ----------------------------------------------------------------------------------- decoding */

typedef enum framed_rpc_fault {
  FRAMED_RPC_FAULT_NONE,
  FRAMED_RPC_FAULT_TRUNCATED,
  FRAMED_RPC_FAULT_MALFORMED,
  FRAMED_RPC_FAULT_INVALID_UTF8,
  FRAMED_RPC_FAULT_EMBEDDED_NUL,
  FRAMED_RPC_FAULT_REPEATED_MESSAGE,
  FRAMED_RPC_FAULT_TOO_DEEP,
  FRAMED_RPC_FAULT_TOO_MANY_ELEMENTS,
  FRAMED_RPC_FAULT_OUT_OF_MEMORY
} framed_rpc_fault;

/* What one message tree may still cost, and why decoding it failed. */
typedef struct framed_rpc_decoder {
  framed_rpc_arena *arena;
  size_t elements_left;
  size_t depth_left;
  framed_rpc_fault fault;
  /* The field that INVALID_UTF8, EMBEDDED_NUL and REPEATED_MESSAGE are about. */
  const char *field;
} framed_rpc_decoder;

/*
 * Readers take the place where they begin and the end of the message, and return the place behind
 * what they read, or NULL after they have noted the fault.
 */

/* Notes the fault; always NULL. */
const uint8_t *framed_rpc_fail(
    framed_rpc_decoder *decoder, framed_rpc_fault fault, const char *field);

typedef struct framed_rpc_varint {
  const uint8_t *next;
  uint64_t value;
} framed_rpc_varint;

framed_rpc_varint framed_rpc_read_long_varint(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end);
const uint8_t *framed_rpc_read_long_tag(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, uint32_t *tag);
framed_rpc_varint framed_rpc_read_long_length(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end);
const uint8_t *framed_rpc_check_text(
    framed_rpc_decoder *decoder, const uint8_t *text, size_t length, const char *field,
    const uint8_t *next);

/*
 * Skips a field that the message does not have. The caller has made sure that it is none of its
 * own with a wire type that does not fit.
 */
const uint8_t *framed_rpc_skip(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, uint32_t tag);

/* What stands behind a length: from `at` to `stop`; `at` is NULL after a fault. */
typedef struct framed_rpc_content {
  const uint8_t *at;
  const uint8_t *stop;
} framed_rpc_content;

/* Grows an array of `count` elements to room for `more`; NULL after it has noted the fault. */
void *framed_rpc_grow(
    framed_rpc_decoder *decoder, const void *array, size_t count, size_t more, size_t *capacity,
    size_t element_bytes);

/* Reads the length of packed varints, counts and spends them. The last of them is whole. */
framed_rpc_content framed_rpc_open_packed_varints(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, size_t *count);
/* The same of numbers of `width` bytes. */
framed_rpc_content framed_rpc_open_packed_fixed(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, size_t width,
    size_t *count);

static inline framed_rpc_varint framed_rpc_read_varint(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end) {
  if (FRAMED_RPC_LIKELY(at != end && *at < 0x80)) return (framed_rpc_varint){at + 1, *at};
  if (end - at >= 2 && at[1] < 0x80) {
    return (framed_rpc_varint){at + 2, (uint64_t)(at[0] & 0x7F) | (uint64_t)at[1] << 7};
  }
  return framed_rpc_read_long_varint(decoder, at, end);
}

/* Reads a tag and spends one element for it. */
static inline const uint8_t *framed_rpc_read_tag(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, uint32_t *tag) {
  if (FRAMED_RPC_UNLIKELY(*at >= 0x80 || *at < 8 || decoder->elements_left == 0)) {
    return framed_rpc_read_long_tag(decoder, at, end, tag);
  }
  decoder->elements_left -= 1;
  *tag = *at;
  return at + 1;
}

/* Reads a length of which as many bytes are there; `value` is the length. */
static inline framed_rpc_varint framed_rpc_read_length(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end) {
  if (FRAMED_RPC_LIKELY(at != end && *at < 0x80 && *at < end - at)) {
    return (framed_rpc_varint){at + 1, *at};
  }
  return framed_rpc_read_long_length(decoder, at, end);
}

static inline const uint8_t *framed_rpc_read_fixed32(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, void *value) {
  if (end - at < 4) return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TRUNCATED, NULL);
  uint32_t bits = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                  (uint32_t)at[3] << 24;
  memcpy(value, &bits, 4);
  return at + 4;
}

static inline const uint8_t *framed_rpc_read_fixed64(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, void *value) {
  if (end - at < 8) return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TRUNCATED, NULL);
  uint64_t bits = 0;
  for (int byte = 0; byte < 8; byte++) bits |= (uint64_t)at[byte] << (8 * byte);
  memcpy(value, &bits, 8);
  return at + 8;
}

static inline uint32_t framed_rpc_unzigzag32(uint32_t value) { return (value >> 1) ^ -(value & 1); }
static inline uint64_t framed_rpc_unzigzag64(uint64_t value) { return (value >> 1) ^ -(value & 1); }

/*
 * Copies text; whether it may be used is known in nearly every case from the copying: eight bytes at
 * a time are ASCII and not NUL when neither they nor they less one have a high bit.
 */
static inline int framed_rpc_copy_text(uint8_t *to, const uint8_t *from, size_t length) {
  const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  uint64_t seen = 0, word;
  if (length >= 8) {
    size_t index = 0;
    for (; index + 8 <= length; index += 8) {
      memcpy(&word, from + index, 8);
      memcpy(to + index, &word, 8);
      seen |= word | (word - ones);
    }
    /* The last eight bytes, some of them again. */
    memcpy(&word, from + length - 8, 8);
    memcpy(to + length - 8, &word, 8);
    seen |= word | (word - ones);
  } else {
    for (size_t index = 0; index < length; index++) {
      to[index] = from[index];
      seen |= (uint8_t)(from[index] | (uint8_t)(from[index] - 1));
    }
  }
  return (seen & highs) == 0;
}

/* Reads a string; one that is empty becomes `empty` where that is not NULL. */
static inline const uint8_t *framed_rpc_read_string(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, const char *field,
    const char *empty, char **string) {
  framed_rpc_varint length = framed_rpc_read_length(decoder, at, end);
  if (FRAMED_RPC_UNLIKELY(length.next == NULL)) return NULL;
  if (length.value == 0 && empty != NULL) {
    *string = (char *)empty;
    return length.next;
  }
  uint8_t *copy = framed_rpc_arena_alloc_bytes(decoder->arena, length.value + 1);
  if (FRAMED_RPC_UNLIKELY(copy == NULL)) {
    return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_OUT_OF_MEMORY, NULL);
  }
  int plain = framed_rpc_copy_text(copy, length.next, length.value);
  copy[length.value] = 0;
  *string = (char *)copy;
  if (FRAMED_RPC_LIKELY(plain)) return length.next + length.value;
  return framed_rpc_check_text(
      decoder, length.next, length.value, field, length.next + length.value);
}

static inline const uint8_t *framed_rpc_read_bytes(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end,
    ProtobufCBinaryData *bytes) {
  framed_rpc_varint length = framed_rpc_read_length(decoder, at, end);
  if (FRAMED_RPC_UNLIKELY(length.next == NULL)) return NULL;
  bytes->len = length.value;
  bytes->data = NULL;
  if (length.value == 0) return length.next;
  bytes->data = framed_rpc_arena_alloc_bytes(decoder->arena, length.value);
  if (FRAMED_RPC_UNLIKELY(bytes->data == NULL)) {
    return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_OUT_OF_MEMORY, NULL);
  }
  memcpy(bytes->data, length.next, length.value);
  return length.next + length.value;
}

/*
 * Begins a nested message. `twice` is the name of the field when it is not repeated and has come
 * before, else NULL: protobuf wants the two merged, which protobuf-c does wrongly.
 */
static inline framed_rpc_content framed_rpc_open_message(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, const char *twice) {
  framed_rpc_varint length = framed_rpc_read_length(decoder, at, end);
  if (FRAMED_RPC_UNLIKELY(length.next == NULL)) return (framed_rpc_content){NULL, NULL};
  if (FRAMED_RPC_UNLIKELY(twice != NULL)) {
    framed_rpc_fail(decoder, FRAMED_RPC_FAULT_REPEATED_MESSAGE, twice);
    return (framed_rpc_content){NULL, NULL};
  }
  if (FRAMED_RPC_UNLIKELY(decoder->depth_left == 0)) {
    framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TOO_DEEP, NULL);
    return (framed_rpc_content){NULL, NULL};
  }
  decoder->depth_left -= 1;
  return (framed_rpc_content){length.next, length.next + length.value};
}

/* Gives the level of depth back. */
static inline void framed_rpc_close_message(framed_rpc_decoder *decoder) {
  decoder->depth_left += 1;
}

/* Memory for a struct; NULL after it has noted the fault. */
static inline void *framed_rpc_allocate(framed_rpc_decoder *decoder, size_t size) {
  void *memory = framed_rpc_arena_alloc(decoder->arena, size);
  if (FRAMED_RPC_UNLIKELY(memory == NULL)) {
    framed_rpc_fail(decoder, FRAMED_RPC_FAULT_OUT_OF_MEMORY, NULL);
  }
  return memory;
}

/* ----------------------------------------------------------------------------------- encoding */

/*
 * Encoders first add up the size, then write from the end of it to its begin: so the length of a
 * nested message is known when its turn comes, and nothing is moved or measured twice.
 */

static inline size_t framed_rpc_varint_size(uint64_t value) {
  return (size_t)(640 - 9 * __builtin_clzll(value | 1)) / 64;
}

/* The size of something behind its length. */
static inline size_t framed_rpc_delimited_size(size_t length) {
  return framed_rpc_varint_size(length) + length;
}

static inline size_t framed_rpc_text_length(const char *text) {
  return text == NULL ? 0 : strlen(text);
}

static inline uint64_t framed_rpc_zigzag32(int32_t value) {
  return ((uint32_t)value << 1) ^ -((uint32_t)value >> 31);
}
static inline uint64_t framed_rpc_zigzag64(int64_t value) {
  return ((uint64_t)value << 1) ^ -((uint64_t)value >> 63);
}

static inline uint8_t *framed_rpc_write_varint(uint8_t *end, uint64_t value) {
  if (FRAMED_RPC_LIKELY(value < 0x80)) {
    *--end = (uint8_t)value;
    return end;
  }
  uint8_t *start = end - framed_rpc_varint_size(value);
  for (uint8_t *byte = start; value >= 0x80 || byte != end; byte++) {
    *byte = (uint8_t)value | (byte + 1 != end ? 0x80 : 0);
    value >>= 7;
  }
  return start;
}

static inline uint8_t *framed_rpc_write_fixed32(uint8_t *end, const void *value) {
  uint32_t bits;
  memcpy(&bits, value, 4);
  end -= 4;
  for (int byte = 0; byte < 4; byte++) end[byte] = (uint8_t)(bits >> (8 * byte));
  return end;
}

static inline uint8_t *framed_rpc_write_fixed64(uint8_t *end, const void *value) {
  uint64_t bits;
  memcpy(&bits, value, 8);
  end -= 8;
  for (int byte = 0; byte < 8; byte++) end[byte] = (uint8_t)(bits >> (8 * byte));
  return end;
}

/* Bytes behind their length. */
static inline uint8_t *framed_rpc_write_delimited(
    uint8_t *end, const void *bytes, size_t length) {
  end -= length;
  if (length > 0) memcpy(end, bytes, length);
  return framed_rpc_write_varint(end, length);
}

/* ---------------------------------------------------------------------------------- reference */

/*
 * libprotobuf-c with every allocation taken from the arena, for messages without a generated codec;
 * NULL when the bytes are no such message.
 */
ProtobufCMessage *framed_rpc_reference_unpack(
    const ProtobufCMessageDescriptor *descriptor, framed_rpc_arena *arena, size_t length,
    const uint8_t *bytes);

#endif
