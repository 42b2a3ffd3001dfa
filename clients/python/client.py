"""Calls all four methods of helloworld.Greeter with grpcio, then shows metadata, a deadline, a cancellation, an error
with details and compression.

    python client.py --address localhost:50051 [--ca FILE]

Plaintext without --ca; TLS with it. Exits with 0 when every answer was the expected one, with 1 otherwise.
The modules greeter_pb2 and greeter_pb2_grpc are generated from the .proto file; README.md has the command.
"""

import argparse
import queue
import sys

import grpc
from google.rpc.error_details_pb2 import BadRequest
from grpc_status import rpc_status

from greeter_pb2 import HelloRequest
from greeter_pb2_grpc import GreeterStub

NAMES = ["Ada", "Grace", "Edsger"]
TIMEOUT_SECONDS = 10


def unary(greeter):
    for name, wanted in [("", "Hello, world!"), ("Ada", "Hello, Ada!")]:
        reply = greeter.SayHello(HelloRequest(name=name), timeout=TIMEOUT_SECONDS)
        expect_equal(reply.message, wanted)
    return "Hello, Ada!"


def server_streaming(greeter):
    call = greeter.SayHelloStreamReply(HelloRequest(name="Ada"), timeout=TIMEOUT_SECONDS)
    replies = [reply.message for reply in call]
    expect(len(replies) > 1 and all("Ada" in text for text in replies), f"got {replies}")
    return " | ".join(replies)


def bidirectional(greeter):
    requests = (HelloRequest(name=name) for name in NAMES)
    call = greeter.SayHelloBidiStream(requests, timeout=TIMEOUT_SECONDS)
    replies = [reply.message for reply in call]
    expect_equal(replies, [f"Hello, {name}!" for name in NAMES])
    return " ".join(replies)


def client_streaming(greeter):
    requests = (HelloRequest(name=name) for name in NAMES)
    reply = greeter.SayHelloToAll(requests, timeout=TIMEOUT_SECONDS)
    expect(all(name in reply.message for name in NAMES), f"got {reply.message}")
    return reply.message


def metadata(greeter):
    """The server sends the metadatum x-request-id back, before its reply. A value of bytes has a key that ends in -bin."""
    sent = [("x-request-id", "python-1"), ("trace-bin", b"\x01\x02\x03")]
    _, call = greeter.SayHello.with_call(HelloRequest(name="Ada"), metadata=sent, timeout=TIMEOUT_SECONDS)
    expect_equal(dict(call.initial_metadata()).get("x-request-id"), "python-1")
    return "x-request-id: python-1 came back"


def quick_call_beside_open_stream(greeter):
    requests = OpenRequests()
    call = greeter.SayHelloBidiStream(requests, timeout=TIMEOUT_SECONDS)
    requests.send("Ada")
    next(call)
    text = unary(greeter)
    requests.end()
    expect_equal(call.code(), grpc.StatusCode.OK)
    return text


def deadline(greeter):
    requests = OpenRequests()
    call = greeter.SayHelloBidiStream(requests, timeout=0.2)
    expect_equal(call.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
    requests.end()
    return "a stream left open ended with DEADLINE_EXCEEDED after 200 ms"


def cancellation(greeter):
    requests = OpenRequests()
    call = greeter.SayHelloBidiStream(requests, timeout=TIMEOUT_SECONDS)
    requests.send("Ada")
    next(call)
    call.cancel()
    expect_equal(call.code(), grpc.StatusCode.CANCELLED)
    requests.end()
    return "cancelled after the first reply"


def rich_error(greeter):
    try:
        greeter.SayHello(HelloRequest(name="a" * 10_001), timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        expect_equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        status = rpc_status.from_call(error)  # Reads grpc-status-details-bin.
    else:
        raise AssertionError("a name of 10001 characters was greeted")
    bad_request = BadRequest()
    expect(status is not None and status.details[0].Unpack(bad_request), f"got {status}")
    expect_equal([violation.field for violation in bad_request.field_violations], ["name"])
    return f"INVALID_ARGUMENT, field name: {bad_request.field_violations[0].description}"


def compression(greeter):
    """The library decompresses replies without telling which ones; the clients in Go, Java and Rust can see it."""
    name = "a" * 5000
    reply = greeter.SayHello(HelloRequest(name=name), compression=grpc.Compression.Gzip, timeout=TIMEOUT_SECONDS)
    expect_equal(reply.message, f"Hello, {name}!")
    return "greeted a name of 5000 characters, sent with gzip"


class OpenRequests:
    """A request stream that stays open until end() is called; grpcio reads it on a thread of its own."""

    def __init__(self):
        self._queue = queue.SimpleQueue()

    def send(self, name):
        self._queue.put(HelloRequest(name=name))

    def end(self):
        self._queue.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        request = self._queue.get()
        if request is None:
            raise StopIteration
        return request


def expect_equal(got, wanted):
    expect(got == wanted, f"got {got!r}, wanted {wanted!r}")


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


STEPS = {
    "SayHello, unary": unary,
    "SayHelloStreamReply, server streaming": server_streaming,
    "SayHelloBidiStream, bidirectional": bidirectional,
    "SayHelloToAll, client streaming": client_streaming,
    "metadata both ways": metadata,
    "a quick call beside an open stream": quick_call_beside_open_stream,
    "a deadline": deadline,
    "a cancellation": cancellation,
    "an error with details": rich_error,
    "gzip": compression,
}


def main():
    parser = argparse.ArgumentParser(description="Calls helloworld.Greeter in all four ways.")
    parser.add_argument("--address", default="localhost:50051")
    parser.add_argument("--ca", help="PEM file with the certificate authority to trust; plaintext without it")
    options = parser.parse_args()
    failed = 0
    with open_channel(options) as channel:
        greeter = GreeterStub(channel)
        for name, step in STEPS.items():
            try:
                print(f"ok      {name}: {step(greeter)}", flush=True)
            except (AssertionError, grpc.RpcError) as error:
                failed += 1
                print(f"FAILED  {name}: {error}", flush=True)
    return 1 if failed else 0


def open_channel(options):
    if options.ca is None:
        return grpc.insecure_channel(options.address)
    with open(options.ca, "rb") as file:
        return grpc.secure_channel(options.address, grpc.ssl_channel_credentials(file.read()))


if __name__ == "__main__":
    sys.exit(main())
