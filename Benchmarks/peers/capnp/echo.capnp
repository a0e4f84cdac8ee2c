# The fields of framedrpc.v1.EchoRequest and EchoResponse that the race uses.
@0xb9a5f8d04e5d7a11;

interface Bench {
  echo @0 (text :Text, number :Int64, delayMs :Int32) -> (text :Text, number :Int64);
  # Writes `number` messages with this text into the sink, under Cap'n Proto's own flow control.
  stream @1 (text :Text, number :Int64, sink :Sink) -> ();
}

interface Sink {
  write @0 (text :Text, number :Int64) -> stream;
}
