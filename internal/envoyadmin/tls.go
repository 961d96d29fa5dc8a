package envoyadmin

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/egraft/egraft/pkg/mutator"
)

// Rejection is an update of a resource that Envoy rejected.
type Rejection struct {
	Kind   mutator.Kind
	Name   string
	Reason string
}

// TLS is a TLS context of a cluster or listener.
type TLS struct {
	Kind mutator.Kind
	Name string
	// Certificates and Bundles are the secrets requested from an agent.
	Certificates, Bundles []Secret
	// HasURI is true if peers must have a certain URI, such as a SPIFFE ID.
	HasURI bool
}

// Secret is a secret that Envoy fetches from an agent on a Unix socket, or from another server;
// then Socket is empty. Envoy Gateway's own secrets are not included.
type Secret struct{ Name, Socket string }

// maxFound limits how many entries are kept for each Envoy.
const maxFound = 10_000

// Security reads the TLS contexts of clusters and listeners that fetch secrets from agents, and the
// updates that Envoy rejected and did not accept later.
func (e Envoy) Security(ctx context.Context) (contexts []TLS, rejections []Rejection, err error) {
	kinds := map[mutator.Kind]bool{mutator.KindCluster: true, mutator.KindListener: true, mutator.KindRouteConfiguration: true}
	err = e.each(ctx, kinds, func(v version) {
		r := Rejection{v.kind, v.name, v.rejected}
		if v.rejected != "" && len(rejections) < maxFound && !slices.Contains(rejections, r) {
			rejections = append(rejections, r)
		}
		if v.draining || len(contexts) >= maxFound {
			return
		}
		var message any
		if json.Unmarshal(v.raw, &message) != nil {
			return
		}
		walk(message, func(context map[string]any) {
			if t := newTLS(context); len(t.Certificates)+len(t.Bundles) > 0 {
				t.Kind, t.Name = v.kind, v.name
				contexts = append(contexts, t)
			}
		})
	})
	return contexts, rejections, err
}

// walk calls do for the parts common to upstream and downstream TLS contexts.
func walk(value any, do func(map[string]any)) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			walk(v, do)
		}
	case map[string]any:
		for field, v := range value {
			if context, ok := v.(map[string]any); ok && field == "common_tls_context" {
				do(context)
			} else {
				walk(v, do)
			}
		}
	}
}

func newTLS(context map[string]any) (t TLS) {
	for _, c := range list(context["tls_certificate_sds_secret_configs"]) {
		t.Certificates = appendSecret(t.Certificates, c)
	}
	t.Bundles = appendSecret(t.Bundles, context["validation_context_sds_secret_config"])
	combined := object(context["combined_validation_context"])
	t.Bundles = appendSecret(t.Bundles, combined["validation_context_sds_secret_config"])
	for _, validation := range []any{context["validation_context"], combined["default_validation_context"]} {
		for _, m := range list(object(validation)["match_typed_subject_alt_names"]) {
			t.HasURI = t.HasURI || object(m)["san_type"] == "URI"
		}
	}
	return t
}

// appendSecret adds a secret unless it is part of Envoy Gateway's own configuration.
func appendSecret(to []Secret, config any) []Secret {
	c := object(config)
	source := object(object(c["sds_config"])["api_config_source"])
	if len(source) == 0 {
		return to
	}
	s := Secret{}
	s.Name, _ = c["name"].(string)
	for _, service := range list(source["grpc_services"]) {
		target, _ := object(object(service)["google_grpc"])["target_uri"].(string)
		if socket, found := strings.CutPrefix(target, "unix:"); found {
			s.Socket = socket
		}
	}
	return append(to, s)
}

func object(v any) map[string]any { o, _ := v.(map[string]any); return o }
func list(v any) []any            { l, _ := v.([]any); return l }
