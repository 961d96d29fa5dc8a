package tenancy

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/filterspec"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
)

// Excess returns the policies that exceed a limit of their namespace, each with the reason. The
// policies are those in effect, oldest first: older policies take precedence, and a policy that
// uses nothing new never exceeds a limit. A policy that exceeds a limit uses nothing.
func (l Limits) Excess(inEffect []*policy.Object) map[*policy.Object]error {
	out := map[*policy.Object]error{}
	uses := map[string]*use{}
	for _, o := range inEffect {
		f, has := fieldsOf(o.Content())
		filter := filterspec.Of(o.Content())
		if !has && filter == nil || o.Err != nil {
			continue
		}
		u := uses[o.Namespace]
		if u == nil {
			u = &use{namespace: o.Namespace, sockets: map[string]bool{}, secrets: map[secret]bool{}}
			uses[o.Namespace] = u
		}
		if filter != nil {
			if err := u.addFilter(l, o.GroupVersionKind.Kind, filter); err != nil {
				out[o] = err
			}
			continue
		}
		if err := u.add(l, f); err != nil {
			out[o] = err
		}
	}
	return out
}

// use is what the policies of a namespace make Envoy use.
type use struct {
	namespace string
	sockets   map[string]bool
	secrets   map[secret]bool
	filters   int
}

// addFilter counts a FilterPolicy or HTTPFilter. Each adds a filter to all filter chains that serve
// a target, so requests to other routes pass it too, even where it is disabled.
func (u *use) addFilter(l Limits, kind string, s *filterspec.Spec) error {
	if l.Filters > 0 && u.filters >= l.Filters {
		return field.Forbidden(s.ConfigPath, fmt.Sprintf("%d other objects of kind %s of namespace %s have precedence, which is the limit of %s", u.filters, kind, u.namespace, filtersFlag))
	}
	u.filters++
	return nil
}

// secret identifies a secret for which Envoy opens its own stream: the same name from another
// configuration source is another secret.
type secret struct{ socket, timeout, name string }

// add counts a policy, or returns the reason why it exceeds a limit.
func (u *use) add(l Limits, f spiffe.Fields) error {
	socket := f.Agent.SocketPath
	if l.AgentSockets > 0 && !u.sockets[socket] && len(u.sockets) >= l.AgentSockets {
		return field.Forbidden(field.NewPath("spec", "agent", "socketPath"), fmt.Sprintf(
			"policies of namespace %s with precedence use %d other sockets, which is the limit of %s", u.namespace, len(u.sockets), socketsFlag))
	}
	source := f.Source()
	fresh := map[secret]bool{}
	for _, name := range []string{source.SVID().GetName(), source.Bundle().GetName()} {
		if s := (secret{socket, source.FetchTimeout.String(), name}); !u.secrets[s] {
			fresh[s] = true
		}
	}
	if l.SDSSecrets > 0 && len(u.secrets)+len(fresh) > l.SDSSecrets {
		return field.Forbidden(field.NewPath("spec"), fmt.Sprintf(
			"needs %d more SVIDs or trust bundles, and policies of namespace %s with precedence use %d of the %d that %s permits",
			len(fresh), u.namespace, len(u.secrets), l.SDSSecrets, secretsFlag))
	}
	u.sockets[socket] = true
	for s := range fresh {
		u.secrets[s] = true
	}
	return nil
}
