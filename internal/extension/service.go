// Package extension serves Envoy Gateway's extension service with an engine: it turns
// requests into calls and results into answers, reports the outcomes, and logs when what
// egraft changes for a Gateway has changed.
//
// It decides nothing about resources.
package extension

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/tracing"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// Observer counts what mutators did.
type Observer interface {
	// Outcomes is told that a feature's mutators came to a result, an [engine.Result], on
	// n resources.
	Outcomes(hook mutator.Hook, feature, result string, n int)
	// Policies is told of the custom resources of a call, as a [Publisher] is, and that a
	// Gateway has none any more.
	Policies(gateway string, outcomes []mutator.PolicyOutcome)
}

// Publisher tells users what became of their policies.
type Publisher interface {
	// Publish is called in the path of a call: it must return at once, whatever happens to
	// what it was given, and must not keep the objects. The gateway is that of a
	// translation, or several as namespace/name with commas between them. It is empty where
	// a call does not say it: for single resources, of which a Gateway has many.
	Publish(gateway string, outcomes []mutator.PolicyOutcome)
}

// Keeper keeps calls.
type Keeper interface {
	// Keep is called in the path of a call: it must return at once, and may keep the call, whose
	// bytes do not change any more. The error is that of the call, which began at the given time.
	Keep(ctx context.Context, call *engine.Call, res *engine.Response, err error, began time.Time)
}

// Config is what a [Service] needs.
type Config struct {
	Engine   *engine.Engine
	Log      *slog.Logger
	Observer Observer
	// Publisher may be nil.
	Publisher Publisher
	// Keeper may be nil.
	Keeper Keeper
}

// Service is Envoy Gateway's extension service.
type Service struct {
	cfg     Config
	methods []method
	changes *changes
	// hadPolicies is set once a translation had policies.
	hadPolicies atomic.Bool
}

// New makes a service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, methods: methods(), changes: newChanges(cfg.Log)}
}

// Register adds the service to a gRPC server, which has to use [wire.Codec].
func (s *Service) Register(r grpc.ServiceRegistrar) {
	desc := grpc.ServiceDesc{ServiceName: ServiceName, HandlerType: (*any)(nil), Metadata: "proto/extension/service.proto"}
	for i := range s.methods {
		m := &s.methods[i]
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: m.name, Handler: s.handler(m)})
	}
	r.RegisterService(&desc, s)
}

// handler is what protoc-gen-go-grpc would generate, with [wire.Message] on both sides.
func (s *Service) handler(m *method) grpc.MethodHandler {
	return func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		req := &wire.Message{}
		if err := decode(req); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, req any) (any, error) {
			return s.serve(ctx, m, req.(*wire.Message))
		}
		if interceptor == nil {
			return handle(ctx, req)
		}
		info := &grpc.UnaryServerInfo{Server: s, FullMethod: m.fullMethod()}
		return interceptor(ctx, req, info, handle)
	}
}

func (s *Service) serve(ctx context.Context, m *method, req *wire.Message) (*wire.Message, error) {
	began := time.Now()
	call, err := m.call(req)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	ctx, traced := tracing.Begin(ctx)
	res, err := s.cfg.Engine.Run(ctx, call)
	traced.End(ctx, call, res)
	s.count(m.hook, res.Outcomes)
	if s.cfg.Keeper != nil {
		defer s.cfg.Keeper.Keep(ctx, call, res, err, began) // last: it may ask for the subject, too
	}
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	s.changes.logIfChanged(ctx, call, res)
	s.publish(m.hook, res)
	return m.answer(req, res), nil
}

// count tells the observer once what may be true of thousands of resources.
func (s *Service) count(h mutator.Hook, outcomes []*engine.Outcome) {
	if len(outcomes) == 0 {
		return
	}
	type result struct {
		feature string
		engine.Result
	}
	counts := map[result]int{}
	for len(outcomes) > 0 { // most are the same as the one before
		first, n := outcomes[0], 1
		for n < len(outcomes) && outcomes[n].Feature == first.Feature && outcomes[n].Result == first.Result {
			n++
		}
		counts[result{first.Feature, first.Result}] += n
		outcomes = outcomes[n:]
	}
	for r, n := range counts {
		s.cfg.Observer.Outcomes(h, r.feature, string(r.Result), n)
	}
}

// publish hands on what became of the policies of a call. A translation without policies is of
// interest only if there were some: its Gateway is not read for nothing.
func (s *Service) publish(h mutator.Hook, res *engine.Response) {
	gateway := ""
	switch {
	case h != mutator.HookTranslation && len(res.Policies) == 0:
		return
	case h == mutator.HookTranslation && len(res.Policies) == 0 && !s.hadPolicies.Load():
		return
	case h == mutator.HookTranslation:
		s.hadPolicies.Store(true)
		gateway = res.Subject()
	}
	s.cfg.Observer.Policies(gateway, res.Policies)
	if s.cfg.Publisher != nil && len(res.Policies) > 0 {
		s.cfg.Publisher.Publish(gateway, res.Policies)
	}
}
