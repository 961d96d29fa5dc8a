package main

import (
	"context"
	"fmt"
	"net"

	extensionv1 "github.com/envoyproxy/gateway/proto/extension"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/egraft/egraft/hack/rawcodec"
)

// maxMessage is egraft's default.
const maxMessage = 256 << 20

// servers are the extension servers that egraft is compared with. This program becomes one of them
// if its first argument is the server's name.
var servers = map[string]func() *grpc.Server{
	plainServer: func() *grpc.Server {
		s := newServer()
		extensionv1.RegisterEnvoyGatewayExtensionServer(s, plain{})
		return s
	},
	echoServer: func() *grpc.Server { return newEcho(func(response []byte) []byte { return response }) },
	copyServer: func() *grpc.Server { return newEcho(withCopies(upstreamTLS())) },
}

func newEcho(modify func(response []byte) []byte) *grpc.Server {
	return newServer(grpc.ForceServerCodecV2(rawcodec.New()), grpc.UnknownServiceHandler(echo(modify)))
}

func newServer(more ...grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(more, grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))...)
}

// serve serves on a Unix socket until the context ends.
func serve(ctx context.Context, socket string, s *grpc.Server) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", socket, err)
	}
	context.AfterFunc(ctx, s.Stop)
	return s.Serve(listener)
}

// echo responds with the resources of the request, byte for byte if modify changes nothing. No server
// that reads the whole request before it responds can be faster.
func echo(modify func(response []byte) []byte) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		var body []byte
		if err := stream.RecvMsg(&body); err != nil {
			return err
		}
		method, _ := grpc.MethodFromServerStream(stream)
		translation := method == extensionv1.EnvoyGatewayExtension_PostTranslateModify_FullMethodName
		body, err := resources(body, translation)
		if err != nil {
			return err
		}
		if translation {
			body = modify(body)
		}
		return stream.SendMsg(&body)
	}
}

// resources converts a request to a response, in place. In the Translation hook, the first field is
// the context, and the numbers of the other fields are one less in the response. In the other
// hooks, the first field is the resource and the rest the context.
func resources(request []byte, translation bool) ([]byte, error) {
	out := request[:0]
	for len(request) > 0 {
		number, kind, tag := protowire.ConsumeTag(request)
		if tag < 0 {
			return nil, protowire.ParseError(tag)
		}
		n := protowire.ConsumeFieldValue(number, kind, request[tag:])
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		field := request[:tag+n]
		request = request[tag+n:]
		switch {
		case translation && number > 1:
			field[0] -= 1 << 3 // a field number below 16 is one byte, with the type in the lowest three bits
			out = append(out, field...)
		case !translation && number == 1:
			out = append(out, field...)
		}
	}
	return out, nil
}
