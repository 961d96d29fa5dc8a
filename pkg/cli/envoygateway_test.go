package cli

import (
	"context"
	"strings"
	"testing"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
	"github.com/envoyproxy/gateway/api/v1alpha1/validation"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// printed runs `egraft config envoy-gateway` with some features.
func printed(t *testing.T, features []mutator.Feature, args string) string {
	t.Helper()
	var stdout, stderr output
	p := &program{features: func(catalog.Options) []mutator.Feature { return features }, stdout: &stdout, stderr: &stderr}
	code := run(t.Context(), append([]string{"config", "envoy-gateway"}, strings.Fields(args)...), p)
	require.Equal(t, ExitOK, code, "%s", &stderr)
	return stdout.String()
}

// gateway decodes a complete configuration as Envoy Gateway does, but strictly.
func gateway(t *testing.T, text string) *egv1a1.ExtensionManager {
	t.Helper()
	var eg egv1a1.EnvoyGateway
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &eg), "%s", text)
	eg.SetEnvoyGatewayDefaults()
	require.NoError(t, validation.ValidateEnvoyGateway(&eg), "%s", text)
	require.Contains(t, text, "\n  failOpen: false\n", "it has to be seen")
	return eg.ExtensionManager
}

func builtin() []mutator.Feature { return catalog.Builtin(catalog.Options{}) }

func ours(kind string) egv1a1.GroupVersionKind {
	return egv1a1.GroupVersionKind{Group: "egraft.io", Version: "v1alpha1", Kind: kind}
}

// builtinManager returns what the built-in features need.
func builtinManager() *egv1a1.ExtensionManager {
	size := resource.MustParse("256Mi")
	return &egv1a1.ExtensionManager{
		PolicyResources:  []egv1a1.GroupVersionKind{ours("BackendMTLSPolicy"), ours("BufferPolicy"), ours("FilterPolicy"), ours("FrontendMTLSPolicy"), ours("XDSPatchPolicy")},
		Resources:        []egv1a1.GroupVersionKind{ours("HedgeFilter"), ours("HTTPFilter")},
		BackendResources: []egv1a1.GroupVersionKind{ours("OriginalDestinationBackend")},
		Hooks: &egv1a1.ExtensionHooks{XDSTranslator: &egv1a1.XDSTranslatorHooks{
			Post:        []egv1a1.XDSTranslatorHook{egv1a1.XDSRoute, egv1a1.XDSTranslation, egv1a1.XDSCluster},
			Translation: translation(true, true, true, true),
		}},
		Service: &egv1a1.ExtensionService{BackendEndpoint: egv1a1.BackendEndpoint{
			Unix: &egv1a1.UnixSocket{Path: "/var/run/egraft/egraft.sock"},
		}},
		MaxMessageSize: &size,
	}
}

func translation(cluster, listener, route, secret bool) *egv1a1.TranslationConfig {
	return &egv1a1.TranslationConfig{
		Cluster:  &egv1a1.ClusterTranslationConfig{IncludeAll: &cluster},
		Listener: &egv1a1.ListenerTranslationConfig{IncludeAll: &listener},
		Route:    &egv1a1.RouteTranslationConfig{IncludeAll: &route},
		Secret:   &egv1a1.SecretTranslationConfig{IncludeAll: &secret},
	}
}

const preamble = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n"

func TestFormats(t *testing.T) {
	tests := map[string]func(t *testing.T, text string) string{
		"standalone": func(_ *testing.T, text string) string { return preamble + text },
		"helm": func(t *testing.T, text string) string {
			var values struct {
				Config struct{ EnvoyGateway map[string]any }
			}
			require.NoError(t, yaml.UnmarshalStrict([]byte(text), &values))
			out, err := yaml.Marshal(values.Config.EnvoyGateway)
			require.NoError(t, err)
			return preamble + string(out)
		},
		"configmap": func(t *testing.T, text string) string {
			var cm corev1.ConfigMap
			require.NoError(t, yaml.UnmarshalStrict([]byte(text), &cm))
			require.Equal(t, []string{"v1", "ConfigMap", "envoy-gateway-system", "envoy-gateway-config"},
				[]string{cm.APIVersion, cm.Kind, cm.Namespace, cm.Name})
			var eg egv1a1.EnvoyGateway
			require.NoError(t, yaml.UnmarshalStrict([]byte(cm.Data["envoy-gateway.yaml"]), &eg))
			require.Equal(t, "gateway.envoyproxy.io/gatewayclass-controller", eg.Gateway.ControllerName)
			require.Equal(t, egv1a1.ProviderTypeKubernetes, eg.Provider.Type)
			return cm.Data["envoy-gateway.yaml"]
		},
	}
	for format, unwrap := range tests {
		t.Run(format, func(t *testing.T) {
			text := printed(t, builtin(), "--format "+format)
			require.Contains(t, text, "# Keep this false.")
			requireManager(t, builtinManager(), gateway(t, unwrap(t, text)))
		})
	}
}

// requireManager compares quantities by value.
func requireManager(t *testing.T, want, got *egv1a1.ExtensionManager) {
	t.Helper()
	require.Equal(t, want.MaxMessageSize.Value(), got.MaxMessageSize.Value())
	got.MaxMessageSize = want.MaxMessageSize
	require.Equal(t, want, got)
}

func TestStanzaOfFeatures(t *testing.T) {
	gvk := func(kind string) egv1a1.GroupVersionKind {
		return egv1a1.GroupVersionKind{Group: "test.egraft.io", Version: "v1", Kind: kind}
	}
	tests := []struct {
		name     string
		features []mutator.Feature
		change   func(*egv1a1.ExtensionManager)
	}{
		{"everything twice", []mutator.Feature{everything(), named("again", everything())}, func(m *egv1a1.ExtensionManager) {
			m.PolicyResources = []egv1a1.GroupVersionKind{gvk("P"), gvk("Q")}
			m.Resources = []egv1a1.GroupVersionKind{gvk("F")}
			m.BackendResources = []egv1a1.GroupVersionKind{gvk("B")}
			m.Hooks.XDSTranslator.Post = []egv1a1.XDSTranslatorHook{
				egv1a1.XDSVirtualHost, egv1a1.XDSRoute,
				egv1a1.XDSHTTPListener, egv1a1.XDSTranslation, egv1a1.XDSCluster, egv1a1.XDSEndpoints,
			}
			m.Hooks.XDSTranslator.Translation = translation(true, true, true, true)
		}},
		{"mutators in other hooks are none for Translation", []mutator.Feature{
			withHooks(everything(), mutator.HookHTTPListener), {Name: "t", Hooks: []mutator.Hook{mutator.HookTranslation}, Additions: adder{}},
		}, func(m *egv1a1.ExtensionManager) {
			m.PolicyResources = []egv1a1.GroupVersionKind{gvk("P"), gvk("Q")}
			m.Resources = []egv1a1.GroupVersionKind{gvk("F")}
			m.BackendResources = []egv1a1.GroupVersionKind{gvk("B")}
			m.Hooks.XDSTranslator.Post = []egv1a1.XDSTranslatorHook{egv1a1.XDSHTTPListener, egv1a1.XDSTranslation}
			m.Hooks.XDSTranslator.Translation = translation(true, false, false, false)
		}},
		{
			"reach needs routes",
			[]mutator.Feature{{Name: "t", Hooks: []mutator.Hook{mutator.HookTranslation}, NeedsRoutes: true}},
			func(m *egv1a1.ExtensionManager) {
				m.PolicyResources, m.Resources, m.BackendResources = nil, nil, nil
				m.Hooks.XDSTranslator.Post = []egv1a1.XDSTranslatorHook{egv1a1.XDSTranslation}
				m.Hooks.XDSTranslator.Translation = translation(false, false, true, false)
			},
		},
		{"no Translation", []mutator.Feature{{Name: "t", Hooks: []mutator.Hook{mutator.HookVirtualHost}}}, func(m *egv1a1.ExtensionManager) {
			m.PolicyResources, m.Resources, m.BackendResources = nil, nil, nil
			m.Hooks.XDSTranslator.Post = []egv1a1.XDSTranslatorHook{egv1a1.XDSVirtualHost}
			m.Hooks.XDSTranslator.Translation = nil
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := builtinManager()
			test.change(want)
			requireManager(t, want, gateway(t, preamble+printed(t, test.features, "")))
		})
	}
}

func withHooks(f mutator.Feature, hooks ...mutator.Hook) mutator.Feature {
	f.Hooks = hooks
	return f
}

func named(name string, f mutator.Feature) mutator.Feature {
	f.Name = name
	return f
}

// adder adds nothing.
type adder struct{}

func (adder) Add(context.Context, *mutator.Input) (mutator.Additions, error) {
	return mutator.Additions{}, nil
}

func TestStanzaOfServices(t *testing.T) {
	tests := []struct {
		name, args string
		want       egv1a1.ExtensionService
		size       string
	}{
		{"socket", "--socket /a --max-message-size 2e6", egv1a1.ExtensionService{
			BackendEndpoint: egv1a1.BackendEndpoint{Unix: &egv1a1.UnixSocket{Path: "/a"}},
		}, "2M"},
		{"name", "--service-address egraft.svc:9443 --insecure", egv1a1.ExtensionService{
			BackendEndpoint: egv1a1.BackendEndpoint{FQDN: &egv1a1.FQDNEndpoint{Hostname: "egraft.svc", Port: 9443}},
		}, "256Mi"},
		{"IPv6", "--service-address [fd00::1]:9443 --insecure --listen-address :9443", egv1a1.ExtensionService{
			BackendEndpoint: egv1a1.BackendEndpoint{IP: &egv1a1.IPEndpoint{Address: "fd00::1", Port: 9443}},
		}, "256Mi"},
		{"TLS", "--service-address e:1 --ca-secret ca --format configmap", egv1a1.ExtensionService{
			BackendEndpoint: egv1a1.BackendEndpoint{FQDN: &egv1a1.FQDNEndpoint{Hostname: "e", Port: 1}},
			TLS:             &egv1a1.ExtensionTLS{CertificateRef: secretRef("", "ca")},
		}, "256Mi"},
		{"mutual TLS", "--service-address e:1 --ca-secret n/ca --client-secret client --format configmap", egv1a1.ExtensionService{
			BackendEndpoint: egv1a1.BackendEndpoint{FQDN: &egv1a1.FQDNEndpoint{Hostname: "e", Port: 1}},
			TLS:             &egv1a1.ExtensionTLS{CertificateRef: secretRef("n", "ca"), ClientCertificateRef: new(secretRef("", "client"))},
		}, "256Mi"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := printed(t, builtin(), test.args)
			if strings.Contains(test.args, "configmap") {
				var cm corev1.ConfigMap
				require.NoError(t, yaml.UnmarshalStrict([]byte(text), &cm))
				text = cm.Data["envoy-gateway.yaml"]
			} else {
				text = preamble + text
			}
			want := builtinManager()
			want.Service, want.MaxMessageSize = &test.want, new(resource.MustParse(test.size))
			require.Contains(t, text, "maxMessageSize: "+test.size+"\n")
			requireManager(t, want, gateway(t, text))
		})
	}
}

func secretRef(namespace gwapiv1.Namespace, name gwapiv1.ObjectName) gwapiv1.SecretObjectReference {
	ref := gwapiv1.SecretObjectReference{Group: new(gwapiv1.Group("")), Kind: new(gwapiv1.Kind("Secret")), Name: name}
	if namespace != "" {
		ref.Namespace = &namespace
	}
	return ref
}

func TestWrongServices(t *testing.T) {
	tests := []struct{ name, args, want string }{
		{"TCP without address", "--listen-address :9443 --insecure", "egraft listens on :9443: --service-address must be the address at which Envoy Gateway connects to it"},
		{"address without port", "--service-address e --insecure", `--service-address "e" is not host:port`},
		{"address without host", "--service-address :1 --insecure", `--service-address ":1" is not host:port`},
		{"TLS without authority", "--service-address e:1 --client-secret c --format helm", "--service-address requires --ca-secret or --insecure"},
		{"TLS without Kubernetes", "--service-address e:1 --ca-secret c", "Envoy Gateway cannot use TLS to an extension server without Kubernetes: use a socket, or --insecure"},
		{"secrets of a socket", "--ca-secret c", "--ca-secret and --client-secret require --service-address"},
		{"secrets of plain TCP", "--service-address e:1 --insecure --ca-secret c", "--insecure cannot be used with --ca-secret or --client-secret"},
		{"secret", "--service-address e:1 --ca-secret a/b/c --format helm", `"a/b/c" is neither the name of a Secret nor namespace/name`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := egraft(t.Context(), nil, append([]string{"config", "envoy-gateway"}, strings.Fields(test.args)...)...)
			require.Equal(t, result{ExitUsage, "", "egraft: " + test.want + "\nSee `egraft config envoy-gateway --help`.\n"}, got)
		})
	}
}
