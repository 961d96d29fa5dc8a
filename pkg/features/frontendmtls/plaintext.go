package frontendmtls

import (
	"context"
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// configurations closes the gates on the routes of listeners whose policy denies plaintext. If the
// translation does not include listeners, it denies all routes of listeners with a policy, because
// egraft cannot change which clients those listeners accept. Other listeners of the same port share
// the filter chain and the route configuration.
type configurations struct{}

// Plan rejects requests in a configuration if the policy of one of its listeners requires it.
func (configurations) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	if in.Hook != mutator.HookTranslation || len(in.Objects.Of(gvk)) == 0 ||
		!slices.ContainsFunc(indexOf(in).effective(rc.Name()), rejects(in)) {
		return nil
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit:     func(_ context.Context, target *routev3.RouteConfiguration) error { return reject(in, target) },
		CacheKey: new(rejectionKey(in, rc.Name())),
		Affected: func(target *routev3.RouteConfiguration) []*policy.Object {
			return slices.DeleteFunc(indexOf(in).effective(target.GetName()), func(o *policy.Object) bool { return !rejects(in)(o) })
		},
	}
}

// rejects returns a func that reports whether routes must reject requests for a policy, or nil for
// none.
func rejects(in *mutator.Input) func(*policy.Object) bool {
	if in.Has(mutator.KindListener) {
		return deniesPlaintext
	}
	return func(o *policy.Object) bool { return o != nil }
}

// rejectionKey returns the cache key for the listeners of a configuration and their policies.
func rejectionKey(in *mutator.Input, configuration string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%t", in.Has(mutator.KindListener))
	listeners, _ := indexOf(in).Of(configuration)
	for _, l := range listeners {
		fmt.Fprintf(&b, "%q%t", l.String(), rejects(in)(effectiveOf(l)))
	}
	return b.String()
}

// reject closes the gates on, or denies, the virtual hosts of such listeners.
func reject(in *mutator.Input, rc *routev3.RouteConfiguration) error {
	denied := map[xds.Reference]bool{}
	listeners, _ := indexOf(in).Of(rc.GetName())
	for _, l := range listeners {
		denied[l.Reference] = rejects(in)(effectiveOf(l))
	}
	deny := closeGates
	if !in.Has(mutator.KindListener) {
		deny = xds.DenyVirtualHost
	}
	for _, vh := range rc.GetVirtualHosts() {
		if !slices.ContainsFunc(xds.ListenersOf(rc.GetName(), vh), func(r xds.Reference) bool { return denied[r] }) {
			continue
		}
		if err := deny(vh); err != nil {
			return err
		}
	}
	return nil
}
