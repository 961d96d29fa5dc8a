package xdspatchpolicy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// TestOtherNamespaces: without a grant, a policy patches nothing of a Gateway in another namespace,
// whether it came from the Route hook as metadata of that Gateway's route or selects the Gateway.
func TestOtherNamespaces(t *testing.T) {
	const raw = `{"apiVersion":"egraft.io/v1alpha1","kind":"XDSPatchPolicy","metadata":{"namespace":"shop","name":"p"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","name":"a"}],"patches":[{"select":{"kind":"Route"},"merge":{"route":{"timeout":"1s"}}}]}}`
	for _, c := range []struct {
		gateway              string
		needsGrant, patching bool
	}{{"infra", true, false}, {"infra", false, true}, {"shop", true, true}} {
		judged := kind.WithPermit(func(o *policy.Object, _ any) error { o.OwnGateways = c.needsGrant; return nil })
		set, err := policy.NewSet([]policy.Kind{judged}, [][]byte{[]byte(raw)})
		require.NoError(t, err)
		in := &mutator.Input{Hook: mutator.HookTranslation, Objects: &policy.Set{}}
		entry, err := mutator.EncodeAttachedGroups(in, gvk, [][]policy.Attachment{{{Object: set.Of(gvk)[0], Specificity: policy.ToRoute}}})
		require.NoError(t, err)
		listener := xds.Reference{Kind: xds.KindGateway, Namespace: c.gateway, Name: "eg", SectionName: "http"}
		place := ofRoute(in, []xds.Reference{listener}, []xds.MetadataEntry{entry})
		if c.patching {
			require.Len(t, place.on, 1, c)
			require.Empty(t, place.rejected, c)
			continue
		}
		require.Empty(t, place.on, c)
		require.Len(t, place.rejected, 1, c)
		require.ErrorContains(t, place.rejected[0].err, "may not patch what belongs to Gateway infra/eg#http")
		require.ErrorContains(t, place.failures(ofConfigurations...)[0].Err, "XDSPatchPolicy shop/p")
	}
}
