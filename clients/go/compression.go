package main

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/stats"

	"greeter-client/helloworld"
)

func compression(ctx context.Context, greeter helloworld.GreeterClient) (string, error) {
	wire := &wireSizes{}
	ctx = context.WithValue(ctx, wireSizesKey{}, wire)
	name := strings.Repeat("a", 5_000)
	reply, err := greeter.SayHello(ctx, &helloworld.HelloRequest{Name: name}, grpc.UseCompressor(gzip.Name))
	if err != nil {
		return "", err
	}
	if reply.GetMessage() != "Hello, "+name+"!" {
		return "", fmt.Errorf("got %q", reply.GetMessage())
	}
	if wire.encoding != gzip.Name || wire.reply >= len(name) {
		return "", fmt.Errorf("the reply came as %d bytes, grpc-encoding %q", wire.reply, wire.encoding)
	}
	return fmt.Sprintf("greeted a name of 5000 characters in %d bytes, the reply %d bytes", wire.request, wire.reply), nil
}

// wireSizes keeps how the messages of one call looked on the wire. The library decompresses replies without telling the
// caller; only a stats handler sees it.
type wireSizes struct {
	encoding       string
	request, reply int
}

type wireSizesKey struct{}

type wireSizesHandler struct{}

func (wireSizesHandler) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (wireSizesHandler) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return ctx
}
func (wireSizesHandler) HandleConn(context.Context, stats.ConnStats) {}
func (wireSizesHandler) HandleRPC(ctx context.Context, event stats.RPCStats) {
	wire, ok := ctx.Value(wireSizesKey{}).(*wireSizes)
	if !ok {
		return
	}
	switch event := event.(type) {
	case *stats.InHeader:
		wire.encoding = event.Compression
	case *stats.OutPayload:
		wire.request = event.CompressedLength
	case *stats.InPayload:
		wire.reply = event.CompressedLength
	}
}
