package survey

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/wiring"
)

// TestInTurns: many pods in one namespace do not displace those of others.
func TestInTurns(t *testing.T) {
	var pods []cluster.Pod
	for i := range 2 * maxEnvoys {
		pods = append(pods, cluster.Pod{Namespace: "many", Name: fmt.Sprint(i)})
	}
	pods = append(pods, cluster.Pod{Namespace: "one", Name: "a"}, cluster.Pod{Namespace: "two", Name: "a"}, cluster.Pod{Namespace: "two", Name: "b"})
	asked, more := inTurns(pods)
	require.Len(t, asked, maxEnvoys)
	require.Equal(t, maxEnvoys+3, more)
	var names []string
	for _, p := range asked[:6] {
		names = append(names, p.String())
	}
	require.Equal(t, []string{"many/0", "one/a", "two/a", "many/1", "two/b", "many/2"}, names)
	asked, more = inTurns(pods[:3])
	require.Len(t, asked, 3)
	require.Zero(t, more)
}

func TestInGatewayNamespaces(t *testing.T) {
	of := func(text string) doctor.Fact[doctor.Configuration] {
		c, err := wiring.Parse([]byte("kind: EnvoyGateway\n" + text))
		require.NoError(t, err)
		return doctor.Known(doctor.Configuration{Config: c})
	}
	moved, none := of("provider: {type: Kubernetes, kubernetes: {deploy: {type: GatewayNamespace}}}"), doctor.Unknown[doctor.Configuration]("not found")
	for _, c := range []struct {
		running, written doctor.Fact[doctor.Configuration]
		want             bool
	}{
		{none, none, false},
		{of(""), of("provider: {type: Kubernetes, kubernetes: {deploy: {type: ControllerNamespace}}}"), false},
		{moved, none, true},
		{none, moved, true},
	} {
		require.Equal(t, c.want, inGatewayNamespaces(&doctor.Facts{Running: c.running, Written: c.written}))
	}
}
