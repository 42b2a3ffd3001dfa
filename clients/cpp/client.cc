// Calls all four methods of helloworld.Greeter with gRPC C++ and metadata, then shows a deadline, a cancellation, an
// error with details and compression.
//
//   greeter-client --address localhost:50051 [--ca FILE]
//
// Plaintext without --ca; TLS with it. Exits with 0 when every answer was the expected one, with 1 otherwise.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "helloworld/greeter.grpc.pb.h"

using grpc::ClientContext;
using helloworld::Greeter;
using helloworld::HelloReply;
using helloworld::HelloRequest;

namespace {

const std::vector<std::string> kNames = {"Ada", "Grace", "Edsger"};
const std::string kRequestId = "cpp-1";

void Expect(bool condition, const std::string& message) {
  if (!condition) throw std::runtime_error(message);
}

void ExpectOk(const grpc::Status& status) { Expect(status.ok(), status.error_message()); }

HelloRequest Hello(const std::string& name) {
  HelloRequest request;
  request.set_name(name);
  return request;
}

void SetDeadline(ClientContext& context, std::chrono::milliseconds wait) {
  context.set_deadline(std::chrono::system_clock::now() + wait);
}

// With the metadata that every call here sends.
void Prepare(ClientContext& context) {
  context.AddMetadata("x-request-id", kRequestId);
  SetDeadline(context, std::chrono::seconds(10));
}

// The server sends the request's id back.
void ExpectId(const ClientContext& context) {
  const auto& metadata = context.GetServerInitialMetadata();
  const auto found = metadata.find("x-request-id");
  Expect(found != metadata.end() && found->second == kRequestId, "the request's id did not come back");
}

std::string Join(const std::vector<std::string>& texts, const std::string& between) {
  std::string joined;
  for (const auto& text : texts) joined += (joined.empty() ? "" : between) + text;
  return joined;
}

template <typename Reader>
std::vector<std::string> ReadAll(Reader& reader) {
  std::vector<std::string> texts;
  for (HelloReply reply; reader.Read(&reply);) texts.push_back(reply.message());
  return texts;
}

std::string Unary(Greeter::Stub& greeter) {
  ClientContext context;
  Prepare(context);
  HelloReply reply;
  ExpectOk(greeter.SayHello(&context, Hello("Ada"), &reply));
  ExpectId(context);
  Expect(reply.message() == "Hello, Ada!", "got " + reply.message());
  return reply.message() + " (metadata x-request-id came back)";
}

std::string ServerStreaming(Greeter::Stub& greeter) {
  ClientContext context;
  Prepare(context);
  const auto reader = greeter.SayHelloStreamReply(&context, Hello("Ada"));
  const auto texts = ReadAll(*reader);
  ExpectOk(reader->Finish());
  ExpectId(context);
  Expect(texts.size() > 1, "got " + Join(texts, " | "));
  return Join(texts, " | ");
}

std::string Bidirectional(Greeter::Stub& greeter) {
  ClientContext context;
  Prepare(context);
  const auto stream = greeter.SayHelloBidiStream(&context);
  for (const auto& name : kNames) Expect(stream->Write(Hello(name)), "the stream is closed");
  stream->WritesDone();
  const auto texts = ReadAll(*stream);
  ExpectOk(stream->Finish());
  ExpectId(context);
  Expect(Join(texts, " ") == "Hello, Ada! Hello, Grace! Hello, Edsger!", "got " + Join(texts, " "));
  return Join(texts, " ");
}

std::string ClientStreaming(Greeter::Stub& greeter) {
  ClientContext context;
  Prepare(context);
  HelloReply reply;
  const auto writer = greeter.SayHelloToAll(&context, &reply);
  for (const auto& name : kNames) Expect(writer->Write(Hello(name)), "the stream is closed");
  writer->WritesDone();
  ExpectOk(writer->Finish());
  ExpectId(context);
  for (const auto& name : kNames) Expect(reply.message().find(name) != std::string::npos, "got " + reply.message());
  return reply.message();
}

std::string Deadline(Greeter::Stub& greeter) {
  ClientContext context;
  SetDeadline(context, std::chrono::milliseconds(200));
  HelloReply reply;
  const auto stream = greeter.SayHelloBidiStream(&context);
  stream->Read(&reply);  // Returns when the call has ended.
  const auto status = stream->Finish();
  Expect(status.error_code() == grpc::DEADLINE_EXCEEDED, "got " + status.error_message());
  return "a stream left open ended with DEADLINE_EXCEEDED after 200 ms";
}

std::string Cancellation(Greeter::Stub& greeter) {
  ClientContext context;
  Prepare(context);
  HelloReply reply;
  const auto stream = greeter.SayHelloBidiStream(&context);
  Expect(stream->Write(Hello("Ada")) && stream->Read(&reply), "the stream is closed");
  context.TryCancel();
  const auto status = stream->Finish();
  Expect(status.error_code() == grpc::CANCELLED, "got " + status.error_message());
  return "cancelled after the first reply";
}

std::string RichError(Greeter::Stub& greeter) {
  ClientContext context;
  Prepare(context);
  HelloReply reply;
  const auto status = greeter.SayHello(&context, Hello(std::string(10'001, 'x')), &reply);
  Expect(status.error_code() == grpc::INVALID_ARGUMENT, "got " + status.error_message());
  google::rpc::Status rich;  // error_details() is the metadatum grpc-status-details-bin.
  google::rpc::BadRequest bad_request;
  Expect(rich.ParseFromString(status.error_details()), "the details are no google.rpc.Status");
  Expect(rich.details_size() == 1 && rich.details(0).UnpackTo(&bad_request), "the detail is no BadRequest");
  Expect(bad_request.field_violations_size() == 1, "got " + bad_request.ShortDebugString());
  const auto& violation = bad_request.field_violations(0);
  Expect(violation.field() == "name", "got " + violation.field());
  return "INVALID_ARGUMENT, field name: " + violation.description();
}

// The library decompresses replies without telling which ones; the clients in Go, Java and Rust can see it.
std::string Gzip(Greeter::Stub& greeter) {
  ClientContext context;
  Prepare(context);
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  const std::string name(5000, 'x');
  HelloReply reply;
  ExpectOk(greeter.SayHello(&context, Hello(name), &reply));
  Expect(reply.message() == "Hello, " + name + "!", "got another text");
  return "greeted a name of 5000 characters, sent with gzip";
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  Expect(file.good(), "cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<grpc::ChannelCredentials> Security(const std::string& ca) {
  if (ca.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadFile(ca);
  return grpc::SslCredentials(options);
}

}  // namespace

int main(int count, char** arguments) {
  std::string address = "localhost:50051";
  std::string ca;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    if (name == "--address") address = arguments[i + 1];
    if (name == "--ca") ca = arguments[i + 1];
  }
  const auto greeter = Greeter::NewStub(grpc::CreateChannel(address, Security(ca)));
  const std::vector<std::pair<std::string, std::function<std::string(Greeter::Stub&)>>> steps = {
      {"SayHello, unary", Unary},
      {"SayHelloStreamReply, server streaming", ServerStreaming},
      {"SayHelloBidiStream, bidirectional", Bidirectional},
      {"SayHelloToAll, client streaming", ClientStreaming},
      {"a deadline", Deadline},
      {"a cancellation", Cancellation},
      {"an error with details", RichError},
      {"gzip", Gzip},
  };
  bool failed = false;
  for (const auto& [name, run] : steps) {
    try {
      const std::string text = run(*greeter);
      std::cout << "ok      " << name << ": " << text << std::endl;
    } catch (const std::exception& error) {
      failed = true;
      std::cout << "FAILED  " << name << ": " << error.what() << std::endl;
    }
  }
  return failed ? 1 : 0;
}
