/*
 * Feeds the generated codecs with bytes that libFuzzer finds, under the address and the undefined-
 * behaviour sanitizer (scripts/fuzz). What a codec takes, libprotobuf-c takes, too, and both make
 * the same bytes of it.
 */
#include "framedrpc/v1/testing.codec.h"
#include "sugang/course/v1/course.codec.h"
#include "sugang/enrollment/v1/enrollment.codec.h"

#define DECODE(Type, function)                                                       \
  {                                                                                  \
    Type *message = framed_rpc_arena_alloc(&arena, sizeof *message);                 \
    if (!function##__decode(&decoder, bytes, bytes + length, message)) {             \
      if (decoder.fault == FRAMED_RPC_FAULT_NONE) abort();                           \
      break;                                                                         \
    }                                                                                \
    size_t size = function##__size(message);                                         \
    if (size != protobuf_c_message_get_packed_size(&message->base)) abort();         \
    uint8_t *own = malloc(size + 1), *reference = malloc(size + 1);                  \
    if (function##__write(message, own + size) != own) abort();                      \
    protobuf_c_message_pack(&message->base, reference);                              \
    if (memcmp(own, reference, size) != 0) abort();                                  \
    free(own);                                                                       \
    free(reference);                                                                 \
    Type *unpacked = function##__unpack(NULL, length, bytes);                        \
    if (unpacked == NULL) abort();                                                   \
    function##__free_unpacked(unpacked, NULL);                                       \
    break;                                                                           \
  }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_length) {
  if (data_length == 0) return 0;
  /* A copy of its own length, so that a byte too many is seen. */
  size_t length = data_length - 1;
  uint8_t *bytes = malloc(length);
  memcpy(bytes, data + 1, length);
  _Alignas(16) uint8_t first_block[256];
  framed_rpc_arena arena;
  framed_rpc_arena_init(&arena, first_block, sizeof first_block, 1 << 20);
  framed_rpc_decoder decoder = {&arena, 4096, 5, FRAMED_RPC_FAULT_NONE, NULL};
  switch (data[0] % 4) {
  case 0: DECODE(Framedrpc__V1__Everything, framedrpc__v1__everything)
  case 1: DECODE(Framedrpc__V1__Scalars, framedrpc__v1__scalars)
  case 2:
    DECODE(
        Sugang__Course__V1__ListCoursesResponse, sugang__course__v1__list_courses_response)
  default:
    DECODE(
        Sugang__Enrollment__V1__ModifyEnrollmentRequest,
        sugang__enrollment__v1__modify_enrollment_request)
  }
  framed_rpc_arena_destroy(&arena);
  free(bytes);
  return 0;
}
