package greeter;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.Status;
import helloworld.GreeterGrpc;
import helloworld.GreeterOuterClass.HelloReply;
import helloworld.GreeterOuterClass.HelloRequest;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Calls all four methods of helloworld.Greeter with grpc-java and metadata, then shows a deadline, a cancellation, an
 * error with details and compression.
 *
 * <pre>java -jar greeter-client.jar --address localhost:50051 [--ca FILE]</pre>
 *
 * Plaintext without --ca; TLS with it. Exits with 0 when every answer was the expected one, with 1 otherwise.
 */
public final class Client {
  private static final List<String> NAMES = List.of("Ada", "Grace", "Edsger");
  private static final String ID = "java-1";
  private static final Metadata.Key<String> ID_KEY = key("x-request-id");
  private static final Metadata.Key<String> ENCODING_KEY = key("grpc-encoding");

  private final Channel channel;
  /** The metadata that came before the last reply. */
  private final AtomicReference<Metadata> headers = new AtomicReference<>(new Metadata());

  private Client(Channel channel) {
    this.channel = channel;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Sends the metadata of every call here, and keeps what comes back. */
  private final ClientInterceptor metadata = new ClientInterceptor() {
    @Override
    public <Q, P> ClientCall<Q, P> interceptCall(MethodDescriptor<Q, P> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<P> listener, Metadata sent) {
          sent.put(ID_KEY, ID);
          super.start(new SimpleForwardingClientCallListener<>(listener) {
            @Override
            public void onHeaders(Metadata received) {
              headers.set(received);
              super.onHeaders(received);
            }
          }, sent);
        }
      };
    }
  };

  private GreeterGrpc.GreeterBlockingStub blocking() {
    return GreeterGrpc.newBlockingStub(channel).withInterceptors(metadata).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  private GreeterGrpc.GreeterStub async() {
    return GreeterGrpc.newStub(channel).withInterceptors(metadata).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  private static HelloRequest hello(String name) {
    return HelloRequest.newBuilder().setName(name).build();
  }

  private static void expect(boolean condition, Object got) {
    if (!condition) throw new IllegalStateException("got " + got);
  }

  private void expectId() {
    expect(ID.equals(headers.get().get(ID_KEY)), headers.get());
  }

  String unary() {
    String message = blocking().sayHello(hello("Ada")).getMessage();
    expectId();
    expect(message.equals("Hello, Ada!"), message);
    return message + " (metadata x-request-id came back)";
  }

  String serverStreaming() {
    List<String> replies = new ArrayList<>();
    blocking().sayHelloStreamReply(hello("Ada")).forEachRemaining(reply -> replies.add(reply.getMessage()));
    expectId();
    expect(replies.size() > 1 && replies.stream().allMatch(text -> text.contains("Ada")), replies);
    return String.join(" | ", replies);
  }

  /** Gathers replies until the call ends. */
  private static final class Replies implements ClientResponseObserver<HelloRequest, HelloReply> {
    private final List<String> texts = new ArrayList<>();
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private io.grpc.Status status = io.grpc.Status.OK;
    private ClientCallStreamObserver<HelloRequest> call;

    @Override
    public void beforeStart(ClientCallStreamObserver<HelloRequest> started) {
      call = started;
    }

    @Override
    public void onNext(HelloReply reply) {
      texts.add(reply.getMessage());
      begun.countDown();
    }

    @Override
    public void onError(Throwable error) {
      status = io.grpc.Status.fromThrowable(error);
      ended.countDown();
    }

    @Override
    public void onCompleted() {
      ended.countDown();
    }

    void awaitFirst() throws InterruptedException {
      expect(begun.await(10, TimeUnit.SECONDS), "no reply");
    }

    io.grpc.Status await() throws InterruptedException {
      expect(ended.await(15, TimeUnit.SECONDS), "no end");
      return status;
    }
  }

  String bidirectional() throws InterruptedException {
    Replies replies = new Replies();
    send(async().sayHelloBidiStream(replies));
    expect(replies.await().isOk(), replies.status);
    expectId();
    expect(replies.texts.equals(NAMES.stream().map(name -> "Hello, " + name + "!").toList()), replies.texts);
    return String.join(" ", replies.texts);
  }

  String clientStreaming() throws InterruptedException {
    Replies replies = new Replies();
    send(async().sayHelloToAll(replies));
    expect(replies.await().isOk(), replies.status);
    expectId();
    expect(NAMES.stream().allMatch(name -> replies.texts.get(0).contains(name)), replies.texts);
    return replies.texts.get(0);
  }

  private static void send(StreamObserver<HelloRequest> requests) {
    for (String name : NAMES) requests.onNext(hello(name));
    requests.onCompleted();
  }

  String deadline() throws InterruptedException {
    Replies replies = new Replies();
    async().withDeadlineAfter(200, TimeUnit.MILLISECONDS).sayHelloToAll(replies);
    expect(replies.await().getCode() == io.grpc.Status.Code.DEADLINE_EXCEEDED, replies.status);
    return "a stream left open ended with DEADLINE_EXCEEDED after 200 ms";
  }

  String cancellation() throws InterruptedException {
    Replies replies = new Replies();
    async().sayHelloBidiStream(replies).onNext(hello("Ada"));
    replies.awaitFirst();
    replies.call.cancel("the client wants no more", null);
    expect(replies.await().getCode() == io.grpc.Status.Code.CANCELLED, replies.status);
    return "cancelled after the first reply";
  }

  String richError() throws InvalidProtocolBufferException {
    try {
      blocking().sayHello(hello("a".repeat(10_001)));
    } catch (StatusRuntimeException error) {
      expect(error.getStatus().getCode() == io.grpc.Status.Code.INVALID_ARGUMENT, error);
      Status rich = StatusProto.fromThrowable(error); // Reads grpc-status-details-bin.
      expect(rich.getDetailsCount() == 1, rich);
      BadRequest badRequest = rich.getDetails(0).unpack(BadRequest.class);
      expect(badRequest.getFieldViolationsCount() == 1, badRequest);
      BadRequest.FieldViolation violation = badRequest.getFieldViolations(0);
      expect(violation.getField().equals("name"), violation);
      return "INVALID_ARGUMENT, field name: " + violation.getDescription();
    }
    throw new IllegalStateException("it was answered");
  }

  String gzip() {
    String name = "a".repeat(5000);
    String message = blocking().withCompression("gzip").sayHello(hello(name)).getMessage();
    expect("gzip".equals(headers.get().get(ENCODING_KEY)), headers.get());
    expect(message.equals("Hello, " + name + "!"), "another text");
    return "greeted a name of 5000 characters, sent and answered with gzip";
  }

  private interface Step {
    String run() throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    String address = "localhost:50051";
    String ca = null;
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      if (arguments[i].equals("--address")) address = arguments[i + 1];
      if (arguments[i].equals("--ca")) ca = arguments[i + 1];
    }
    var security = ca == null
        ? InsecureChannelCredentials.create()
        : TlsChannelCredentials.newBuilder().trustManager(new File(ca)).build();
    ManagedChannel channel = Grpc.newChannelBuilder(address, security).build();
    Client client = new Client(channel);
    Map<String, Step> steps = new LinkedHashMap<>();
    steps.put("SayHello, unary", client::unary);
    steps.put("SayHelloStreamReply, server streaming", client::serverStreaming);
    steps.put("SayHelloBidiStream, bidirectional", client::bidirectional);
    steps.put("SayHelloToAll, client streaming", client::clientStreaming);
    steps.put("a deadline", client::deadline);
    steps.put("a cancellation", client::cancellation);
    steps.put("an error with details", client::richError);
    steps.put("gzip", client::gzip);
    boolean failed = false;
    for (var step : steps.entrySet()) {
      try {
        System.out.println("ok      " + step.getKey() + ": " + step.getValue().run());
      } catch (Exception error) {
        failed = true;
        System.out.println("FAILED  " + step.getKey() + ": " + error.getMessage());
      }
    }
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    System.exit(failed ? 1 : 0);
  }
}
