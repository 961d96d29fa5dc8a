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

// configurations closes the gates on the routes of listeners whose policy denies plaintext, and
// denies all routes of listeners with a policy if no listeners came with the translation:
// whom they let in cannot be changed. Other listeners of the same port share the filter chain
// and the route configuration.
type configurations struct{}

// Applies tells whether a policy of one of the listeners refuses requests by its routes.
func (configurations) Applies(in *mutator.Input, rc mutator.View) bool {
	return in.Hook == mutator.HookTranslation && len(in.Objects.Of(gvk)) > 0 &&
		slices.ContainsFunc(indexOf(in).winners(rc.Name()), refuses(in))
}

// refuses tells whether a policy, nil for none, has requests refused by routes.
func refuses(in *mutator.Input) func(*policy.Object) bool {
	if in.Has(mutator.KindListener) {
		return deniesPlaintext
	}
	return func(o *policy.Object) bool { return o != nil }
}

// Key stands for the policies and the listeners of the configuration.
func (configurations) Key(in *mutator.Input, rc mutator.View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%t", in.Has(mutator.KindListener))
	for _, s := range indexOf(in).configurations[rc.Name()] {
		fmt.Fprintf(&b, "%q%t", s.listener.String(), refuses(in)(s.winner()))
	}
	return b.String()
}

func (s section) winner() *policy.Object {
	if len(s.found) == 0 {
		return nil
	}
	return s.found[0].Object
}

// Bears are the policies that have requests refused by the routes.
func (configurations) Bears(in *mutator.Input, rc *routev3.RouteConfiguration) []*policy.Object {
	return slices.DeleteFunc(indexOf(in).winners(rc.GetName()), func(o *policy.Object) bool { return !refuses(in)(o) })
}

// Mutate closes the gates on the virtual hosts of such a listener.
func (configurations) Mutate(_ context.Context, in *mutator.Input, rc *routev3.RouteConfiguration) error {
	denied := map[xds.Reference]bool{}
	for _, s := range indexOf(in).configurations[rc.GetName()] {
		denied[s.listener] = refuses(in)(s.winner())
	}
	refuse := closeGates
	if !in.Has(mutator.KindListener) {
		refuse = xds.DenyVirtualHost
	}
	for _, vh := range rc.GetVirtualHosts() {
		if !slices.ContainsFunc(xds.ListenersOf(rc.GetName(), vh), func(r xds.Reference) bool { return denied[r] }) {
			continue
		}
		if err := refuse(vh); err != nil {
			return err
		}
	}
	return nil
}
