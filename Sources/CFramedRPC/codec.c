#include "CFramedRPC.h"

/* The places where a codec rarely comes by. */

void *framed_rpc_arena_grow(framed_rpc_arena *arena, size_t size) {
  const size_t header = 16;
  if (size > arena->budget) {
    arena->exhausted = 1;
    return NULL;
  }
  size_t bytes = size + header > FRAMED_RPC_ARENA_BLOCK_BYTES ? size + header
                                                              : FRAMED_RPC_ARENA_BLOCK_BYTES;
  framed_rpc_block *block = size > SIZE_MAX - header ? NULL : malloc(bytes);
  if (block == NULL) {
    arena->exhausted = 1;
    return NULL;
  }
  block->previous = arena->blocks;
  arena->blocks = block;
  uint8_t *start = (uint8_t *)block + header;
  arena->next = start + size;
  arena->end = (uint8_t *)block + bytes;
  arena->budget -= size;
  return start;
}

void framed_rpc_arena_free_blocks(framed_rpc_arena *arena) {
  framed_rpc_block *block = arena->blocks;
  while (block != NULL) {
    framed_rpc_block *previous = block->previous;
    free(block);
    block = previous;
  }
  arena->blocks = NULL;
}

const uint8_t *framed_rpc_fail(
    framed_rpc_decoder *decoder, framed_rpc_fault fault, const char *field) {
  decoder->fault = fault;
  decoder->field = field;
  return NULL;
}

framed_rpc_varint framed_rpc_read_long_varint(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at == end) {
      return (framed_rpc_varint){framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TRUNCATED, NULL), 0};
    }
    uint8_t byte = *at++;
    if (shift == 63 && byte > 1) break;
    value |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return (framed_rpc_varint){at, value};
  }
  return (framed_rpc_varint){framed_rpc_fail(decoder, FRAMED_RPC_FAULT_MALFORMED, NULL), 0};
}

const uint8_t *framed_rpc_read_long_tag(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, uint32_t *tag) {
  const uint8_t *start = at;
  framed_rpc_varint varint = framed_rpc_read_long_varint(decoder, at, end);
  if (varint.next == NULL) return NULL;
  /* Field numbers have 29 bits, tags at most five bytes. */
  if (varint.value < 8 || varint.value > UINT32_MAX || varint.next - start > 5) {
    return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_MALFORMED, NULL);
  }
  if (decoder->elements_left == 0) {
    return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TOO_MANY_ELEMENTS, NULL);
  }
  decoder->elements_left -= 1;
  *tag = (uint32_t)varint.value;
  return varint.next;
}

framed_rpc_varint framed_rpc_read_long_length(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end) {
  framed_rpc_varint length = framed_rpc_read_long_varint(decoder, at, end);
  if (length.next == NULL) return length;
  if (length.value > (uint64_t)(end - length.next)) {
    length.next = framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TRUNCATED, NULL);
  } else if (length.next - at > 5 || length.value > INT32_MAX) {
    /* What protobuf-c takes. */
    length.next = framed_rpc_fail(decoder, FRAMED_RPC_FAULT_MALFORMED, NULL);
  }
  return length;
}

/* The bytes of the next character, 0 when they are none (Unicode 16, table 3-7). */
static size_t character_length(const uint8_t *at, const uint8_t *end) {
  uint8_t first = at[0];
  size_t left = (size_t)(end - at);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return left >= 2 && (at[1] & 0xC0) == 0x80 ? 2 : 0;
  if (first < 0xF0) {
    if (left < 3 || (at[1] & 0xC0) != 0x80 || (at[2] & 0xC0) != 0x80) return 0;
    if (first == 0xE0 && at[1] < 0xA0) return 0; /* overlong */
    if (first == 0xED && at[1] > 0x9F) return 0; /* surrogates */
    return 3;
  }
  if (first > 0xF4 || left < 4) return 0;
  if ((at[1] & 0xC0) != 0x80 || (at[2] & 0xC0) != 0x80 || (at[3] & 0xC0) != 0x80) return 0;
  if (first == 0xF0 && at[1] < 0x90) return 0; /* overlong */
  if (first == 0xF4 && at[1] > 0x8F) return 0; /* past U+10FFFF */
  return 4;
}

const uint8_t *framed_rpc_check_text(
    framed_rpc_decoder *decoder, const uint8_t *text, size_t length, const char *field,
    const uint8_t *next) {
  const uint8_t *end = text + length;
  if (memchr(text, 0, length) != NULL) {
    return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_EMBEDDED_NUL, field);
  }
  while (text != end) {
    size_t character = character_length(text, end);
    if (character == 0) return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_INVALID_UTF8, field);
    text += character;
  }
  return next;
}

const uint8_t *framed_rpc_skip(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, uint32_t tag) {
  size_t left = (size_t)(end - at);
  switch (tag & 7) {
  case 0: return framed_rpc_read_varint(decoder, at, end).next;
  case 1:
    return left >= 8 ? at + 8 : framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TRUNCATED, NULL);
  case 2: {
    framed_rpc_varint length = framed_rpc_read_length(decoder, at, end);
    return length.next == NULL ? NULL : length.next + length.value;
  }
  case 5:
    return left >= 4 ? at + 4 : framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TRUNCATED, NULL);
  default: /* groups, and wire types that do not exist */
    return framed_rpc_fail(decoder, FRAMED_RPC_FAULT_MALFORMED, NULL);
  }
}

void *framed_rpc_grow(
    framed_rpc_decoder *decoder, const void *array, size_t count, size_t more, size_t *capacity,
    size_t element_bytes) {
  /* No message has more elements than bytes, so these sums and products fit. */
  size_t wanted = count + more;
  size_t larger = 2 * *capacity > wanted ? 2 * *capacity : wanted;
  if (more == 1 && larger < 4) larger = 4;
  void *grown = framed_rpc_arena_alloc(decoder->arena, larger * element_bytes);
  if (grown == NULL) {
    framed_rpc_fail(decoder, FRAMED_RPC_FAULT_OUT_OF_MEMORY, NULL);
    return NULL;
  }
  if (count > 0) memcpy(grown, array, count * element_bytes);
  *capacity = larger;
  return grown;
}

/* Spends the elements of packed content. */
static framed_rpc_content spend(
    framed_rpc_decoder *decoder, size_t elements, framed_rpc_content content) {
  if (elements > decoder->elements_left) {
    content.at = framed_rpc_fail(decoder, FRAMED_RPC_FAULT_TOO_MANY_ELEMENTS, NULL);
    return content;
  }
  decoder->elements_left -= elements;
  return content;
}

framed_rpc_content framed_rpc_open_packed_varints(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, size_t *count) {
  framed_rpc_varint length = framed_rpc_read_length(decoder, at, end);
  if (length.next == NULL) return (framed_rpc_content){NULL, NULL};
  framed_rpc_content content = {length.next, length.next + length.value};
  size_t elements = 0;
  for (const uint8_t *byte = content.at; byte != content.stop; byte++) elements += *byte < 0x80;
  *count = elements;
  if (length.value > 0 && content.stop[-1] >= 0x80) {
    content.at = framed_rpc_fail(decoder, FRAMED_RPC_FAULT_MALFORMED, NULL);
    return content;
  }
  return spend(decoder, elements, content);
}

framed_rpc_content framed_rpc_open_packed_fixed(
    framed_rpc_decoder *decoder, const uint8_t *at, const uint8_t *end, size_t width,
    size_t *count) {
  framed_rpc_varint length = framed_rpc_read_length(decoder, at, end);
  if (length.next == NULL) return (framed_rpc_content){NULL, NULL};
  framed_rpc_content content = {length.next, length.next + length.value};
  *count = length.value / width;
  if (length.value % width != 0) {
    content.at = framed_rpc_fail(decoder, FRAMED_RPC_FAULT_MALFORMED, NULL);
    return content;
  }
  return spend(decoder, *count, content);
}

static void *reference_alloc(void *arena, size_t size) {
  return framed_rpc_arena_alloc(arena, size);
}

static void reference_free(void *arena, void *pointer) {
  (void)arena;
  (void)pointer;
}

ProtobufCMessage *framed_rpc_reference_unpack(
    const ProtobufCMessageDescriptor *descriptor, framed_rpc_arena *arena, size_t length,
    const uint8_t *bytes) {
  ProtobufCAllocator allocator = {reference_alloc, reference_free, arena};
  return protobuf_c_message_unpack(descriptor, &allocator, length, bytes);
}
