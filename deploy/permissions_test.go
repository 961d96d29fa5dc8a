package deploy

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/egraft/egraft/pkg/catalog"
)

// grants lists what a role allows as "verb group/resource", sorted.
func grants(role *rbacv1.ClusterRole) (out []string) {
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					out = append(out, verb+" "+group+"/"+resource)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// needed returns what Envoy Gateway needs for the custom resources: it watches all of them, and
// writes the status of those that it attaches to Gateways and routes itself.
func needed(t *testing.T) (out []string) {
	t.Helper()
	policies := map[string]bool{}
	for _, feature := range catalog.Builtin(catalog.Options{}) {
		for _, kind := range feature.Policies {
			policies[kind.Kind] = true
		}
	}
	files, err := filepath.Glob("../crds/egraft.io_*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		crd := decode[apiextensionsv1.CustomResourceDefinition](t, []byte(read(t, file)))
		resource := crd.Spec.Group + "/" + crd.Spec.Names.Plural
		out = append(out, "get "+resource, "list "+resource, "watch "+resource)
		if policies[crd.Spec.Names.Kind] {
			out = append(out, "update "+resource+"/status")
		}
	}
	slices.Sort(out)
	return out
}

// neededByEgraft returns what egraft needs: events for all kinds, and conditions for the kinds that
// have them.
func neededByEgraft() []string {
	out := []string{"create events.k8s.io/events", "patch events.k8s.io/events"}
	for _, feature := range catalog.Builtin(catalog.Options{}) {
		for _, kind := range slices.Concat(feature.Filters, feature.Backends) {
			resource := kind.Group + "/" + kind.Resource()
			out = append(out, "get "+resource, "patch "+resource+"/status")
		}
	}
	slices.Sort(out)
	return out
}

func TestPermissions(t *testing.T) {
	all := build(t, "rbac")
	require.Equal(t, needed(t), grants(object[rbacv1.ClusterRole](t, all, "ClusterRole", "egraft-envoy-gateway")))
	require.Equal(t, neededByEgraft(), grants(object[rbacv1.ClusterRole](t, all, "ClusterRole", "egraft")))
	require.Equal(t, 4, all.Size(), "two roles, each bound once, and nothing else")
}

func TestWhoHasPermissions(t *testing.T) {
	account := func(name, namespace string) rbacv1.Subject {
		return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: namespace}
	}
	tests := []struct {
		folder                string
		gateway, egraftItself rbacv1.Subject
	}{
		{"rbac", account("envoy-gateway", "envoy-gateway-system"), account("envoy-gateway", "envoy-gateway-system")},
		{"chart", account("envoy-gateway", "gateways"), account("envoy-gateway", "gateways")},
		{"deployment", account("envoy-gateway", "envoy-gateway-system"), account("egraft", "egraft-system")},
	}
	for _, test := range tests {
		t.Run(test.folder, func(t *testing.T) {
			all := build(t, test.folder)
			require.Equal(t, test.gateway, subject(t, all, "egraft-envoy-gateway"))
			require.Equal(t, test.egraftItself, subject(t, all, "egraft"))
		})
	}
}
