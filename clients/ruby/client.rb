# Calls all four methods of helloworld.Greeter with gRPC for Ruby and metadata, then shows a deadline, a cancellation, an
# error with details and compression.
#
#   ruby -I GENERATED client.rb --address localhost:50051 [--ca FILE]
#
# Plaintext without --ca; TLS with it. Exits with 0 when every answer was the expected one, with 1 otherwise. GENERATED
# is the folder in which grpc_tools_ruby_protoc made the code for the messages; README.md has the command.
require "google/protobuf/well_known_types"
require "google/rpc/error_details_pb"
require "grpc"
require "helloworld/greeter_services_pb"
require "optparse"

NAMES = %w[Ada Grace Edsger].freeze
ID = "ruby-1".freeze
WITH_ID = { metadata: { "x-request-id" => ID } }.freeze

Stub = Helloworld::Greeter::Stub

def hello(name) = Helloworld::HelloRequest.new(name: name)

def expect(condition, message)
  raise message unless condition
end

def deadline_in(seconds) = Time.now + seconds

# The requests of a call that sends these and then nothing more, without an end.
def staying_open(*requests)
  Enumerator.new do |stream|
    requests.each { |request| stream << request }
    sleep
  end
end

# Reads what an operation answers, and that the server sent the request's id back.
def finish(operation)
  result = operation.execute
  replies = result.is_a?(Enumerator) ? result.map(&:message) : result.message
  expect(operation.metadata["x-request-id"] == ID, "got the metadata #{operation.metadata}")
  replies
end

def call(stub, name, input, **options)
  stub.public_send(name, input, return_op: true, deadline: deadline_in(10), **WITH_ID, **options)
end

STEPS = {
  "SayHello, unary" => lambda do |stub|
    message = finish(call(stub, :say_hello, hello("Ada")))
    expect(message == "Hello, Ada!", "got #{message}")
    "#{message} (metadata x-request-id came back)"
  end,
  "SayHelloStreamReply, server streaming" => lambda do |stub|
    replies = finish(call(stub, :say_hello_stream_reply, hello("Ada")))
    expect(replies.length > 1 && replies.all? { |text| text.include?("Ada") }, "got #{replies}")
    replies.join(" | ")
  end,
  "SayHelloBidiStream, bidirectional" => lambda do |stub|
    replies = finish(call(stub, :say_hello_bidi_stream, NAMES.map { |name| hello(name) }))
    expect(replies == NAMES.map { |name| "Hello, #{name}!" }, "got #{replies}")
    replies.join(" ")
  end,
  "SayHelloToAll, client streaming" => lambda do |stub|
    message = finish(call(stub, :say_hello_to_all, NAMES.map { |name| hello(name) }))
    expect(NAMES.all? { |name| message.include?(name) }, "got #{message}")
    message
  end,
  "a deadline" => lambda do |stub|
    # Of the calls that stream, only this kind reads its requests on a thread of its own.
    stub.say_hello_bidi_stream(staying_open, deadline: deadline_in(0.2)).next
    raise "it was answered"
  rescue GRPC::DeadlineExceeded
    "a stream left open ended with DEADLINE_EXCEEDED after 200 ms"
  end,
  "a cancellation" => lambda do |stub|
    operation = call(stub, :say_hello_bidi_stream, staying_open(hello("Ada")))
    replies = operation.execute
    replies.next
    operation.cancel
    replies.next
    raise "it was answered"
  rescue GRPC::Cancelled
    "cancelled after the first reply"
  end,
  "an error with details" => lambda do |stub|
    stub.say_hello(hello("a" * 10_001), deadline: deadline_in(10))
    raise "it was answered"
  rescue GRPC::InvalidArgument => error
    status = error.to_rpc_status # Reads grpc-status-details-bin.
    bad_request = status&.details&.first&.unpack(Google::Rpc::BadRequest)
    expect(bad_request&.field_violations&.map(&:field) == ["name"], "got #{status.inspect}")
    "INVALID_ARGUMENT, field name: #{bad_request.field_violations.first.description}"
  end
}.freeze

# Not a step like the others: compression is a property of the channel. The library decompresses replies without telling
# which ones; the clients in Go, Java and Rust can see it.
def gzip(stub)
  name = "a" * 5000
  message = stub.say_hello(hello(name), deadline: deadline_in(10)).message
  expect(message == "Hello, #{name}!", "got another text")
  "greeted a name of 5000 characters, sent with gzip"
end

options = { address: "localhost:50051" }
OptionParser.new do |parser|
  parser.on("--address HOST:PORT") { |address| options[:address] = address }
  parser.on("--ca FILE") { |file| options[:ca] = File.read(file) }
end.parse!

security = options[:ca] ? GRPC::Core::ChannelCredentials.new(options[:ca]) : :this_channel_is_insecure
compression = GRPC::Core::CompressionOptions.new(default_algorithm: :gzip).to_channel_arg_hash
stub = Stub.new(options[:address], security)
compressing = Stub.new(options[:address], security, channel_args: compression)
steps = STEPS.merge("gzip" => ->(_stub) { gzip(compressing) })
failed = steps.count do |name, step|
  puts "ok      #{name}: #{step.call(stub)}"
  false
rescue StandardError => error
  puts "FAILED  #{name}: #{error.message}"
  true
end
exit(failed.zero?)
