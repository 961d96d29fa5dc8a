package server

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

func TestCallIsCountedAndLogged(t *testing.T) {
	i := start(t, nil)
	_, err := i.call(t)
	require.NoError(t, err)
	require.Equal(t, observation{testHook, codes.OK, 104, 104}, <-i.calls)
	line := i.log.wait(t, "call")
	require.Equal(t, "DEBUG", line["level"])
	require.Equal(t, testHook, line["hook"])
	require.Equal(t, "OK", line["code"])
	require.EqualValues(t, 104, line["requestBytes"])
	require.EqualValues(t, 104, line["responseBytes"])
	require.Contains(t, line, "duration")
}

func TestErrorIsLoggedOnce(t *testing.T) {
	i := start(t, answering(func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		return nil, errors.New("no such luck")
	}))
	_, err := i.call(t)
	require.Equal(t, "no such luck", status.Convert(err).Message())
	line := i.log.wait(t, "call failed")
	require.Equal(t, "ERROR", line["level"])
	require.Equal(t, "no such luck", line["error"])
	require.Empty(t, i.log.find(t, "call"))
}

func TestTooLarge(t *testing.T) {
	tests := []struct {
		name              string
		request, response int
		err               string
	}{
		{"request", 2000, 1, "grpc: received message larger than max (2006 vs. 1000)"},
		{"response", 1, 2000, "grpc: trying to send message larger than max (2006 vs. 1000)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			i := start(t, func(c *Config) {
				answering(func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
					return &testpb.SimpleResponse{Payload: payload(test.response).Payload}, nil
				})(c)
				c.MaxMessageBytes = 1000
			})
			_, err := testpb.NewTestServiceClient(i.dial(t)).UnaryCall(t.Context(), payload(test.request))
			require.Equal(t, codes.ResourceExhausted, status.Code(err))
			require.Equal(t, codes.ResourceExhausted, (<-i.calls).code)
			line := i.log.wait(t, "call failed")
			require.Equal(t, test.err, line["error"])
			require.EqualValues(t, 1000, line["limit"])
			require.Equal(t, "--max-message-size", line["setting"])
			require.Equal(t, "extensionManager.maxMessageSize", line["envoyGatewaySetting"])
		})
	}
}

func TestDeadline(t *testing.T) {
	i := start(t, func(c *Config) {
		answering(func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
			<-ctx.Done() // the client itself has no timeout
			return nil, ctx.Err()
		})(c)
		c.CallTimeout = time.Millisecond
	})
	_, err := i.call(t)
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
}

// TestDeadlineOfTheClient: if the client's timeout is shorter than the server's, the call ends
// early enough to send the response.
func TestDeadlineOfTheClient(t *testing.T) {
	left := make(chan time.Duration, 1)
	i := start(t, answering(func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		deadline, _ := ctx.Deadline()
		left <- time.Until(deadline)
		return &testpb.SimpleResponse{}, nil
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	_, err := testpb.NewTestServiceClient(i.dial(t)).UnaryCall(ctx, payload(1))
	require.NoError(t, err)
	require.InDelta(t, 36, (<-left).Seconds(), 2)
}

func TestPanicInCall(t *testing.T) {
	i := start(t, answering(func(_ context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		if len(in.GetPayload().GetBody()) == 100 {
			panic("at the disco")
		}
		return &testpb.SimpleResponse{}, nil
	}))
	_, err := i.call(t)
	require.Equal(t, codes.Internal, status.Code(err))
	line := i.log.wait(t, "call panicked")
	require.Equal(t, "at the disco", line["panic"])
	require.Equal(t, unaryCall, line["method"])
	require.Contains(t, line["stack"], "TestPanicInCall")
	_, err = testpb.NewTestServiceClient(i.dial(t)).UnaryCall(t.Context(), payload(1))
	require.NoError(t, err, "the next call")
}

// fragile panics on messages of one type.
type fragile struct{ encoding.CodecV2 }

func (f fragile) Unmarshal(data mem.BufferSlice, v any) error {
	if _, ok := v.(*testpb.SimpleRequest); ok {
		panic("cannot read")
	}
	return f.CodecV2.Unmarshal(data, v)
}

func (f fragile) Marshal(v any) (mem.BufferSlice, error) {
	if _, ok := v.(*testpb.Empty); ok {
		panic("cannot write")
	}
	return f.CodecV2.Marshal(v)
}

func TestPanicInCodec(t *testing.T) {
	i := start(t, func(c *Config) { c.Codec = fragile{encoding.GetCodecV2(proto.Name)} })
	_, err := i.call(t)
	require.ErrorContains(t, err, "decode request: panic: cannot read")
	_, err = recoveringCodec{fragile{}}.Marshal(&testpb.Empty{})
	require.EqualError(t, err, "encode response: panic: cannot write")
}

// counted counts the buffers that a server gets.
type counted struct {
	mem.BufferPool
	got *atomic.Int32
}

func (c counted) Get(length int) *[]byte {
	c.got.Add(1)
	return c.BufferPool.Get(length)
}

func TestBufferPool(t *testing.T) {
	pool := counted{mem.DefaultBufferPool(), &atomic.Int32{}}
	i := start(t, func(c *Config) { c.BufferPool = pool })
	_, err := testpb.NewTestServiceClient(i.dial(t)).UnaryCall(t.Context(), payload(10_000))
	require.NoError(t, err)
	require.Positive(t, pool.got.Load())
}
