// Command greeter-client calls all four methods of helloworld.Greeter with grpc-go, then shows metadata, a deadline, a
// cancellation, an error with details and compression.
//
//	greeter-client --address localhost:50051 [--ca FILE]
//
// Plaintext without --ca; TLS with it. Exits with 0 when every answer was the expected one, with 1 otherwise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"greeter-client/helloworld"
)

var names = []string{"Ada", "Grace", "Edsger"}

func unary(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	for name, wanted := range map[string]string{"": "Hello, world!", "Ada": "Hello, Ada!"} {
		reply, err := greeter.SayHello(ctx, &helloworld.HelloRequest{Name: name})
		if err != nil {
			return "", err
		}
		if reply.GetMessage() != wanted {
			return "", fmt.Errorf("got %q, wanted %q", reply.GetMessage(), wanted)
		}
	}
	return "Hello, Ada!", nil
}

func serverStreaming(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	call, err := greeter.SayHelloStreamReply(ctx, &helloworld.HelloRequest{Name: "Ada"})
	if err != nil {
		return "", err
	}
	replies, err := receiveAll(call.Recv)
	if err != nil {
		return "", err
	}
	lacksAda := func(text string) bool { return !strings.Contains(text, "Ada") }
	if len(replies) < 2 || slices.ContainsFunc(replies, lacksAda) {
		return "", fmt.Errorf("got %q", replies)
	}
	return strings.Join(replies, " | "), nil
}

func bidirectional(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	call, err := greeter.SayHelloBidiStream(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if err := call.Send(&helloworld.HelloRequest{Name: name}); err != nil {
			return "", err
		}
	}
	if err := call.CloseSend(); err != nil {
		return "", err
	}
	replies, err := receiveAll(call.Recv)
	if err != nil {
		return "", err
	}
	if wanted := []string{"Hello, Ada!", "Hello, Grace!", "Hello, Edsger!"}; !slices.Equal(replies, wanted) {
		return "", fmt.Errorf("got %q, wanted %q", replies, wanted)
	}
	return strings.Join(replies, " "), nil
}

func clientStreaming(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	call, err := greeter.SayHelloToAll(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if err := call.Send(&helloworld.HelloRequest{Name: name}); err != nil {
			return "", err
		}
	}
	reply, err := call.CloseAndRecv()
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if !strings.Contains(reply.GetMessage(), name) {
			return "", fmt.Errorf("got %q", reply.GetMessage())
		}
	}
	return reply.GetMessage(), nil
}

// metadataBothWays shows that the server sends the metadatum x-request-id back, before its reply. A value of bytes has a
// key that ends in -bin.
func metadataBothWays(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", "go-1", "trace-bin", "\x01\x02\x03")
	var received metadata.MD
	_, err := greeter.SayHello(ctx, &helloworld.HelloRequest{Name: "Ada"}, grpc.Header(&received))
	if err != nil {
		return "", err
	}
	if got := received.Get("x-request-id"); !slices.Equal(got, []string{"go-1"}) {
		return "", fmt.Errorf("got %q", got)
	}
	return "x-request-id: go-1 came back", nil
}

func quickCallBesideOpenStream(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	open, err := openStream(ctx, greeter)
	if err != nil {
		return "", err
	}
	text, err := unary(ctx, greeter)
	if err != nil {
		return "", err
	}
	if err := open.CloseSend(); err != nil {
		return "", err
	}
	_, err = open.Recv()
	if !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("the open stream ended with %w", err)
	}
	return text, nil
}

func deadline(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	call, err := greeter.SayHelloBidiStream(ctx)
	if err == nil {
		_, err = call.Recv()
	}
	if status.Code(err) != codes.DeadlineExceeded {
		return "", fmt.Errorf("got %w, wanted DeadlineExceeded", err)
	}
	return "a stream left open ended with DeadlineExceeded after 200 ms", nil
}

func cancellation(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := openStream(ctx, greeter)
	if err != nil {
		return "", err
	}
	cancel()
	if _, err = call.Recv(); status.Code(err) != codes.Canceled {
		return "", fmt.Errorf("got %w, wanted Canceled", err)
	}
	return "cancelled after the first reply", nil
}

func richError(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	_, err := greeter.SayHello(ctx, &helloworld.HelloRequest{Name: strings.Repeat("a", 10_001)})
	if status.Code(err) != codes.InvalidArgument {
		return "", fmt.Errorf("got %w, wanted InvalidArgument", err)
	}
	// Details reads grpc-status-details-bin.
	for _, detail := range status.Convert(err).Details() {
		if badRequest, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range badRequest.GetFieldViolations() {
				if violation.GetField() == "name" {
					return "InvalidArgument, field name: " + violation.GetDescription(), nil
				}
			}
		}
	}
	return "", fmt.Errorf("%w has no BadRequest for the field name", err)
}

// openStream starts a bidirectional call and returns once its first reply is there.
func openStream(ctx context.Context, greeter helloworld.GreeterClient) (
	grpc.BidiStreamingClient[helloworld.HelloRequest, helloworld.HelloReply], error,
) {
	call, err := greeter.SayHelloBidiStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Send(&helloworld.HelloRequest{Name: "Ada"}); err != nil {
		return nil, err
	}
	_, err = call.Recv()
	return call, err
}

func receiveAll(receive func() (*helloworld.HelloReply, error)) ([]string, error) {
	var replies []string
	for {
		reply, err := receive()
		if errors.Is(err, io.EOF) {
			return replies, nil
		}
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply.GetMessage())
	}
}

var steps = []struct {
	name string
	run  func(context.Context, helloworld.GreeterClient) (string, error)
}{
	{"SayHello, unary", unary},
	{"SayHelloStreamReply, server streaming", serverStreaming},
	{"SayHelloBidiStream, bidirectional", bidirectional},
	{"SayHelloToAll, client streaming", clientStreaming},
	{"metadata both ways", metadataBothWays},
	{"a quick call beside an open stream", quickCallBesideOpenStream},
	{"a deadline", deadline},
	{"a cancellation", cancellation},
	{"an error with details", richError},
	{"gzip", compression},
}

func main() {
	address := flag.String("address", "localhost:50051", "host and port of the server")
	ca := flag.String("ca", "", "PEM file with the certificate authority to trust; plaintext without it")
	flag.Parse()
	failed, err := runSteps(*address, *ca)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

func runSteps(address, ca string) (failed int, err error) {
	security := insecure.NewCredentials()
	if ca != "" {
		if security, err = credentials.NewClientTLSFromFile(ca, ""); err != nil {
			return 0, err
		}
	}
	channel, err := grpc.NewClient(
		address, grpc.WithTransportCredentials(security), grpc.WithStatsHandler(wireSizesHandler{}))
	if err != nil {
		return 0, err
	}
	defer channel.Close()
	greeter := helloworld.NewGreeterClient(channel)
	for _, step := range steps {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		text, err := step.run(ctx, greeter)
		cancel()
		if err != nil {
			failed++
			fmt.Printf("FAILED  %s: %v\n", step.name, err)
			continue
		}
		fmt.Printf("ok      %s: %s\n", step.name, text)
	}
	return failed, nil
}
