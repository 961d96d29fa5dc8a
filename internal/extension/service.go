// Package extension serves Envoy Gateway's extension service with an engine: it turns requests into
// calls and results into responses, reports outcomes, and logs when egraft's changes for a Gateway
// differ from the previous ones.
//
// It makes no decisions about resources.
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

// Observer counts outcomes.
type Observer interface {
	// Outcomes is called when a feature's mutators have the same result, an [engine.Result], on n
	// resources.
	Outcomes(hook mutator.Hook, feature, result string, n int)
	// Policies is called with the outcomes that a [Publisher] gets, and also when a Gateway has no
	// policies any more.
	Policies(gateway string, outcomes []mutator.PolicyOutcome)
}

// Publisher reports policy outcomes to users.
type Publisher interface {
	// Publish is called during a hook call: it must return immediately and must not retain the
	// objects. gateway is the Gateway of a translation, or several as namespace/name separated by
	// commas. It is empty if the call does not name a Gateway: for single resources, of which a
	// Gateway has many.
	Publish(gateway string, outcomes []mutator.PolicyOutcome)
}

// Keeper keeps calls for later use.
type Keeper interface {
	// Keep is called during a hook call: it must return immediately. It may retain the call, whose
	// bytes no longer change. The error is the call's, and began is when the call started.
	Keep(ctx context.Context, call *engine.Call, res *engine.Response, err error, began time.Time)
}

// Config configures a [Service].
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
	// hadPolicies is set by the first translation with policies.
	hadPolicies atomic.Bool
}

// New makes a service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, methods: methods(), changes: newChanges(cfg.Log)}
}

// Register adds the service to a gRPC server, which must use [wire.Codec].
func (s *Service) Register(r grpc.ServiceRegistrar) {
	desc := grpc.ServiceDesc{ServiceName: ServiceName, HandlerType: (*any)(nil), Metadata: "proto/extension/service.proto"}
	for i := range s.methods {
		m := &s.methods[i]
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: m.name, Handler: s.handler(m)})
	}
	r.RegisterService(&desc, s)
}

// handler returns what protoc-gen-go-grpc would generate, with [wire.Message] on both sides.
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
		defer s.cfg.Keeper.Keep(ctx, call, res, err, began) // last, because it may also need the subject
	}
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	s.changes.logIfChanged(ctx, call, res)
	s.publish(m.hook, res)
	return m.answer(req, res), nil
}

// count calls the observer once for all resources with the same result, which may be thousands.
func (s *Service) count(h mutator.Hook, outcomes []*engine.Outcome) {
	if len(outcomes) == 0 {
		return
	}
	type result struct {
		feature string
		engine.Result
	}
	counts := map[result]int{}
	for len(outcomes) > 0 { // most equal the previous one
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

// publish passes on the policy outcomes of a call. A translation without policies matters only if
// there were some before: otherwise its Gateway is not looked up.
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
