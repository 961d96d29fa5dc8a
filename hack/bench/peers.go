package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	extensionv1 "github.com/envoyproxy/gateway/proto/extension"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"

	"github.com/egraft/egraft/hack/rawcodec"
)

// maxMessage is egraft's default.
const maxMessage = 256 << 20

// servePeer runs one of the servers that egraft is compared with.
func servePeer(ctx context.Context, o options) error {
	limits := []grpc.ServerOption{grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage)}
	var s *grpc.Server
	switch o.peer {
	case "echo":
		s = grpc.NewServer(append(limits, grpc.ForceServerCodecV2(rawcodec.New()), grpc.UnknownServiceHandler(echo))...)
	case "plain":
		s = grpc.NewServer(limits...)
		extensionv1.RegisterEnvoyGatewayExtensionServer(s, plain{})
	case "example":
		peer, err := newExample()
		if err != nil {
			return err
		}
		s = grpc.NewServer(limits...)
		extensionv1.RegisterEnvoyGatewayExtensionServer(s, peer)
	default:
		return fmt.Errorf("there is no peer %q", o.peer)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", o.socket)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	admin := &http.Server{Addr: o.admin, Handler: mux, ReadHeaderTimeout: time.Second}
	go func() {
		if err := admin.ListenAndServe(); err != nil {
			s.Stop() // useless without its metrics
		}
	}()
	return s.Serve(l)
}

// echo responds with the bytes of the request. No server that reads the whole request before it
// responds can be faster.
func echo(_ any, stream grpc.ServerStream) error {
	var body []byte
	if err := stream.RecvMsg(&body); err != nil {
		return err
	}
	return stream.SendMsg(&body)
}
