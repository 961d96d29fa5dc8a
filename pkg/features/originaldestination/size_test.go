package originaldestination

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/xds"
)

// largest returns the backends that add most to a route, by source.
func largest() map[string]*v1alpha1.OriginalDestinationBackend {
	meta := metav1.ObjectMeta{Namespace: strings.Repeat("n", 63), Name: strings.Repeat("n", 253)}
	networks := []v1alpha1.CIDR{"0.0.0.0/0", "::/0"} // which contain all special networks
	for i := len(networks); i < maxNetworks; i++ {
		networks = append(networks, v1alpha1.CIDR(fmt.Sprintf("10.%d.0.0/16", 23+i)))
	}
	header := v1alpha1.DestinationSource{Header: &v1alpha1.DestinationHeader{
		Name: "x-" + strings.Repeat("h", maxHeader-2), Filter: strings.Repeat("f", maxFilter),
	}}
	metadata := v1alpha1.DestinationSource{Metadata: &v1alpha1.DestinationMetadata{Namespace: strings.Repeat("s", maxName), Key: strings.Repeat("k", maxName)}}
	tls := &v1alpha1.DestinationTLS{Hostname: strings.Repeat("h", maxHostname), CABundle: strings.Repeat(authority, maxCertificates)}
	out := map[string]*v1alpha1.OriginalDestinationBackend{}
	for name, source := range map[string]v1alpha1.DestinationSource{"header": header, "metadata": metadata} {
		out[name] = &v1alpha1.OriginalDestinationBackend{ObjectMeta: meta, Spec: v1alpha1.OriginalDestinationBackendSpec{Source: source, AllowedCIDRs: networks, TLS: tls}}
	}
	return out
}

// TestRouteStaysSmall: an HTTPRoute can produce thousands of routes, each with the filters'
// configurations and the metadata entry.
func TestRouteStaysSmall(t *testing.T) {
	for name, b := range largest() {
		require.Empty(t, validate(b.DeepCopy(), true))
		filters := 0
		for filter, m := range perRoute(b, "HTTPRoute/"+strings.Repeat("n", 63)+"/"+strings.Repeat("n", 253)) {
			a, err := xds.Any(m)
			require.NoError(t, err)
			filters += len(filter) + proto.Size(a) + 8 // of the map entry
		}
		stripped := b.DeepCopy()
		strip(stripped)
		require.Empty(t, validate(stripped.DeepCopy(), true), "it is read as a backend")
		text, err := json.Marshal(stripped)
		require.NoError(t, err)
		t.Logf("%s: %d bytes of filters, %d of the stripped backend", name, filters, len(text))
		assert.Less(t, filters+len(text), 4<<10, name)
	}
}

// TestStrip: the copy lacks what is not needed, and the backend itself is unmodified.
func TestStrip(t *testing.T) {
	b := largest()["header"]
	before := b.DeepCopy()
	c := b.DeepCopy()
	strip(c)
	assert.Equal(t, before, b)
	assert.Nil(t, c.Spec.TLS)
	assert.Len(t, c.Spec.AllowedCIDRs, 1)
	assert.Equal(t, b.Spec.Source, c.Spec.Source)
}
