package originaldestination

import (
	"slices"
	"strings"

	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Each name of trusted filters adds two filters for all requests of a connection manager. There is
// therefore a limit, and a lower one for each namespace.
const (
	maxTrusted          = 16
	maxTrustedNamespace = 4
)

// trustedIn returns the names of filters that the backends of a route configuration trust, and the
// backends over the limit. Requests to those, the newest ones, are rejected.
func trustedIn(in *mutator.Input, configuration string) (names []string, denied []*policy.Object) {
	own := map[string]int{}
	for _, o := range oldest(backendsOf(in, in.Routes().Configuration(configuration))) {
		h := policy.As[v1alpha1.OriginalDestinationBackend](o).Spec.Source.Header
		switch {
		case h == nil || slices.Contains(names, h.Filter):
		case len(names) == maxTrusted || own[o.Namespace] == maxTrustedNamespace:
			denied = append(denied, o)
		default:
			names = append(names, h.Filter)
			own[o.Namespace]++
		}
	}
	return names, denied
}

// oldest sorts the backends in Gateway API's order, the oldest first.
func oldest(backends []*policy.Object) []*policy.Object {
	slices.SortStableFunc(backends, policy.Compare)
	return backends
}

// trust inserts two filters around each first row of filters with a trusted name, such as those of
// several scripts. Without a filter of the name, no header is trusted.
func trust(hcm *hcmv3.HttpConnectionManager, names []string) error {
	slices.Sort(names)
	for _, name := range names {
		begin, end := rowOf(hcm.GetHttpFilters(), name)
		if begin < 0 {
			continue
		}
		distrust, err := httpfilter.New(distrustName+idOf(name), &headertometadatav3.Config{})
		if err != nil {
			return err
		}
		believe, err := httpfilter.New(believeName+idOf(name), &headertometadatav3.Config{})
		if err != nil {
			return err
		}
		hcm.HttpFilters = slices.Insert(slices.Insert(hcm.HttpFilters, end, believe), begin, distrust)
	}
	return nil
}

// rowOf returns the begin and end of the first row of adjacent filters with a name. Filters of
// egraft do not end a row.
func rowOf(filters []*hcmv3.HttpFilter, name string) (begin, end int) {
	begin = -1
	for i, f := range filters {
		switch is := strings.HasPrefix(f.GetName(), name) && httpfilter.KindOf(f.GetName()) != httpfilter.Router; {
		case strings.HasPrefix(f.GetName(), "egraft."):
		case is && begin < 0:
			begin, end = i, i+1
		case is:
			end = i + 1
		case begin >= 0:
			return begin, end
		}
	}
	return begin, end
}
