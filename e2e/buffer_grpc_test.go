//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/e2e/standalone"
)

// Methods of a [callBackend].
const (
	say   = "/echo.Echo/Say"   // any number of messages, with an immediate response to each
	watch = "/echo.Echo/Watch" // one message, a response, and another one when the test closes ended
	talk  = "/echo.Echo/Talk"  // as Say, and the backend reports the start of the call
)

// messageFrame is the overhead of a message of some tens of thousands of bytes: length and
// compression flag (gRPC), tag and length (protobuf).
const messageFrame = 5 + 1 + 3

// tooLarge is the error for messages above the limit.
const tooLarge = "rpc error: code = Unknown desc = Payload Too Large"

// callBackend is a gRPC server that responds to messages with their sizes.
type callBackend struct {
	port  int
	began chan time.Time
	ended chan struct{}
}

func (f *fixture) callBackend() *callBackend {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	b := &callBackend{listener.Addr().(*net.TCPAddr).Port, make(chan time.Time, 10), make(chan struct{})}
	server := grpc.NewServer(grpc.UnknownServiceHandler(b.call))
	f.t.Cleanup(server.Stop)
	go func() { _ = server.Serve(listener) }()
	return b
}

func (b *callBackend) call(_ any, s grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(s)
	if method == talk {
		b.began <- time.Now()
	}
	for {
		var m wrapperspb.BytesValue
		if err := s.RecvMsg(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answer := wrapperspb.Int64(int64(len(m.GetValue())))
		if err := s.SendMsg(answer); err != nil {
			return err
		}
		if method != watch {
			continue
		}
		select {
		case <-b.ended:
		case <-s.Context().Done():
		}
		return s.SendMsg(answer)
	}
}

// calls applies a GRPCRoute to the backend, and connects to its host NAME.example.com.
func (f *fixture) calls(name string, b *callBackend) *grpc.ClientConn {
	f.t.Helper()
	host := name + ".example.com"
	f.route(name, host, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: http}]
  hostnames: [%[2]s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]s}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[3]d}}]}
`, name, host, b.port))
	connection, err := grpc.NewClient("passthrough:///"+standalone.ListenerAddress,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(host))
	f.must(err)
	f.t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// said returns the response to a message with content of a size.
func said(ctx context.Context, by *grpc.ClientConn, size int) (int, error) {
	var answer wrapperspb.Int64Value
	err := by.Invoke(ctx, say, wrapperspb.Bytes(make([]byte, size)), &answer)
	return int(answer.GetValue()), err
}

// untilSaid waits until a message of a size gets a response with a status.
func (f *fixture) untilSaid(by *grpc.ClientConn, size int, want codes.Code) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%s for a message of %d bytes", want, size), func(ctx context.Context) error {
		if _, err := said(ctx, by, size); status.Code(err) != want {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
}

// bufferedCalls: a policy of a GRPCRoute, and its effect on streaming calls.
func (f *fixture) bufferedCalls() {
	const most = bufferLimit - messageFrame
	b := f.callBackend()
	calls, free := f.calls("calls", b), f.calls("free", b)
	f.untilSaid(free, most+1, codes.OK)
	f.bufferPolicy("for-calls", "kind: GRPCRoute, name: calls", "maxRequestBytes: 64Ki")
	f.untilSaid(calls, most+1, codes.Unknown)
	_, err := said(f.soon(), calls, most+1)
	require.EqualError(f.t, err, tooLarge)
	size, err := said(f.soon(), calls, most)
	f.must(err)
	require.Equal(f.t, most, size)
	_, err = said(f.soon(), free, 1<<20)
	f.must(err)

	f.serverStream(calls, b)
	f.clientStream(calls, b)
}

func (f *fixture) stream(ctx context.Context, by *grpc.ClientConn, method string) grpc.ClientStream {
	f.t.Helper()
	s, err := by.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	f.must(err)
	return s
}

// next returns the next response of a stream.
func (f *fixture) next(s grpc.ClientStream) int {
	f.t.Helper()
	var answer wrapperspb.Int64Value
	f.must(s.RecvMsg(&answer))
	return int(answer.GetValue())
}

// serverStream: the client receives what the backend streams as it is sent.
func (f *fixture) serverStream(by *grpc.ClientConn, b *callBackend) {
	f.t.Helper()
	s := f.stream(f.soon(), by, watch)
	f.must(s.SendMsg(wrapperspb.Bytes([]byte("request"))))
	f.must(s.CloseSend())
	require.Equal(f.t, len("request"), f.next(s))
	close(b.ended) // only now the backend sends another one
	require.Equal(f.t, len("request"), f.next(s))
	require.ErrorIs(f.t, s.RecvMsg(&wrapperspb.Int64Value{}), io.EOF)
}

// clientStream: the call reaches the backend after the client's last message, and so never if the
// client waits for a response before. The limit is for all messages together.
func (f *fixture) clientStream(by *grpc.ClientConn, b *callBackend) {
	f.t.Helper()
	s := f.stream(f.soon(), by, talk)
	f.must(s.SendMsg(wrapperspb.Bytes([]byte("first"))))
	for range 20 { // Envoy has received the first message by the time these complete
		_, err := said(f.soon(), by, 1)
		f.must(err)
	}
	require.Empty(f.t, b.began, "the backend was called before the last message")
	f.must(s.SendMsg(wrapperspb.Bytes([]byte("the second"))))
	last := time.Now()
	f.must(s.CloseSend())
	require.Equal(f.t, len("first"), f.next(s))
	require.Equal(f.t, len("the second"), f.next(s))
	require.True(f.t, (<-b.began).After(last), "the backend was called before the last message")

	s = f.stream(f.soon(), by, talk)
	for range 5 {
		if s.SendMsg(wrapperspb.Bytes(make([]byte, bufferLimit/4))) != nil {
			break // Envoy has responded
		}
	}
	require.EqualError(f.t, s.RecvMsg(&wrapperspb.Int64Value{}), tooLarge)
	require.Empty(f.t, b.began, "the backend was called")
}
