package engine

import (
	"context"
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// maxCopies is how many copies of clusters a feature may add to a translation. Each of them
// has a route that leads to it, and without merged backends each rule has a cluster of its own.
const maxCopies = 10_000

// addCopies adds copies of clusters as the features before made them. What is past the limit is
// not there, so that Envoy refuses the requests of its routes.
func (e *Engine) addCopies(ctx context.Context, f mutator.Feature, copies []mutator.Copy, res *Result) {
	if len(copies) == 0 {
		return
	}
	shape := wire.FieldNumbersOf((*clusterv3.Cluster)(nil))
	list, names := listOf(res, mutator.KindCluster), namesOf(res, mutator.KindCluster, shape)
	at := make(map[string]int, len(names))
	for i, name := range slices.Backward(names) { // of several of a name the first counts
		at[name] = i
	}
	came := make(map[string]bool, len(res.renamed))
	for _, r := range res.renamed {
		came[r.was] = true
	}
	list.Encoded = list.Encoded[:len(list.Encoded):len(list.Encoded)]
	for i, c := range copies {
		of, there := at[c.Of]
		if !there {
			continue
		}
		o := &Outcome{Feature: f.Name, Kind: mutator.KindCluster, Name: c.Name, Verdict: Added, bearsOn: c.Affected, onAll: len(c.Affected) == 0}
		_, taken := at[c.Name]
		switch {
		case i >= maxCopies:
			o.Verdict, o.Err = Denied, fmt.Errorf("is one of %d copies of clusters, of which %d are added", len(copies), maxCopies)
		case taken || came[c.Name]:
			o.Verdict, o.Err = NameConflict, fmt.Errorf("%s %q is there already and was left as it is", mutator.KindCluster, c.Name)
		default:
			var encoded []byte
			if encoded, o.Err = e.copyOf(ctx, f.Name, c, list.Encoded[of]); o.Err != nil {
				o.Verdict = Denied
			}
			if encoded != nil {
				at[c.Name] = len(list.Encoded)
				list.Encoded, names = append(list.Encoded, encoded), append(names, c.Name)
			}
		}
		res.add(outcomes(o)...)
	}
	res.names[mutator.KindCluster] = names
}

// copyOf is the edited copy of a cluster, and with an error one that refuses all requests.
func (e *Engine) copyOf(ctx context.Context, feature string, c mutator.Copy, raw []byte) ([]byte, error) {
	key := copyKey{feature, c.Name, c.Key, raw}
	if found := e.cached.copies.Get(key); found != nil {
		return found.Value, nil
	}
	encoded, err := sandbox.RunOnce(ctx, e.sandbox, feature, func(ctx context.Context) ([]byte, error) {
		m, err := underName(raw, c.Name)
		if err != nil {
			return nil, err
		}
		if err := c.Edit(ctx, m); err != nil {
			return nil, err
		}
		if err := m.ValidateAll(); err != nil {
			return nil, fmt.Errorf("the result is invalid: %w", err)
		}
		if m.GetName() != c.Name {
			return nil, fmt.Errorf("was renamed to %q", m.GetName())
		}
		return encode(m)
	})
	if err == nil {
		e.cached.copies.Put(key, encoded, len(encoded))
		return encoded, nil
	}
	refusing, deny := underName(raw, c.Name)
	if deny == nil {
		deny = xds.DenyCluster(refusing)
	}
	if deny != nil {
		return nil, err
	}
	encoded, deny = encode(refusing)
	if deny != nil {
		return nil, err
	}
	return encoded, err
}

// underName is a cluster under another name that gets its endpoints by the name that it had.
func underName(raw []byte, name string) (*clusterv3.Cluster, error) {
	c := &clusterv3.Cluster{}
	if err := proto.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if eds := c.GetEdsClusterConfig(); eds != nil && eds.GetServiceName() == "" {
		eds.ServiceName = c.GetName()
	}
	c.Name = name
	return c, nil
}
