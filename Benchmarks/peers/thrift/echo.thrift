// The fields of framedrpc.v1.EchoRequest and EchoResponse that the race uses. Thrift has no streams.
namespace cpp bench_thrift

struct EchoRequest {
  1: string text,
  2: i64 number,
  3: i32 delay_ms,
}

struct EchoResponse {
  1: string text,
  2: i64 number,
}

service Bench {
  EchoResponse Echo(1: EchoRequest request),
}
