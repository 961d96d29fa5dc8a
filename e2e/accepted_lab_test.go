//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/ads"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/catalog"
)

// acceptedLab is an Envoy with a bystander and changing tenants, all with the same agent.
type acceptedLab struct {
	*secureLab
	engine    *engine.Engine
	source    *workloadapi.X509Source
	bystander tenant
	there     map[string]proto.Message // Envoy's resources, by type and name
	serial    string                   // of Envoy's SVID
}

func newAcceptedLab(t *testing.T) *acceptedLab {
	t.Helper()
	l := &acceptedLab{secureLab: newSecureLab(t), there: map[string]proto.Message{}}
	var err error
	l.engine, err = engine.New(catalog.Builtin(catalog.Options{EDSInitialFetchTimeout: time.Second}))
	require.NoError(t, err)
	l.source, err = workloadapi.NewX509Source(t.Context(), workloadapi.WithClientOptions(workloadapi.WithAddr("unix://"+l.issuer.Socket())))
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.source.Close() })
	l.bystander = tenant{name: "bystander", port: l.backend}
	require.NoError(t, l.restart(nil), "the bystander alone")
	t.Cleanup(func() { require.NoError(t, l.Envoy.Stop()) })
	return l
}

// restart gives tenants to a new Envoy, which has no resources and no secrets. Without secrets,
// Envoy rejects an invalid resource only when its secret arrives.
func (l *acceptedLab) restart(tenants []tenant) error {
	l.t.Helper()
	if l.Envoy != nil {
		require.NoError(l.t, l.Envoy.Stop())
		l.Rejections() // discards those of the old Envoy
	}
	require.NoError(l.t, l.Change(nil, slices.Collect(maps.Values(l.there))))
	clear(l.there)
	var err error
	l.Envoy, err = ads.StartEnvoy(l.program, l.t.TempDir(), l.Server)
	require.NoError(l.t, err)
	return l.give(tenants)
}

// bystanders returns a route with mutual TLS to its backend, and a listener that requires client
// certificates, each by its own policy.
func (l *acceptedLab) bystanders() (route, listener tenant) {
	l.t.Helper()
	route, listener = l.bystander, l.bystander
	route.field, listener.field = acceptedField{kind: "BackendMTLSPolicy", base: backendBase, path: "trustDomain"}, acceptedField{kind: "FrontendMTLSPolicy", base: frontendBase, path: "trustDomain"}
	listener.name = "bystanding"
	for _, x := range []*tenant{&route, &listener} {
		var err error
		x.object, err = x.field.object(x.name, l.issuer.Socket(), "example.org")
		require.NoError(l.t, err)
	}
	return route, listener
}

// give replaces the tenants. It returns an error if Envoy rejects an update or the bystander is
// affected.
func (l *acceptedLab) give(tenants []tenant) error {
	route, listener := l.bystanders()
	all := append([]tenant{route, listener}, tenants...)
	for i := range all {
		all[i].number = i
	}
	messages, denied := translate(l.t, l.engine, all)
	if denied != nil {
		l.t.Logf("denied: %.1000s", denied)
	}
	return l.send(messages)
}

func (l *acceptedLab) send(messages []proto.Message) error {
	l.invent(messages)
	next, gone := map[string]proto.Message{}, []proto.Message{}
	for _, m := range messages {
		next[fmt.Sprintf("%T %s", m, m.(interface{ GetName() string }).GetName())] = m
	}
	for key, m := range l.there {
		if next[key] == nil {
			gone = append(gone, m)
		}
	}
	l.there = next
	if err := l.Change(messages, gone); err != nil {
		return err
	}
	return l.judge()
}

// judge checks that Envoy accepts everything, and that the bystander is served before and after a
// rotation.
func (l *acceptedLab) judge() error {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	rejected, err := l.WaitAnswered(ctx)
	if len(rejected) > 0 {
		err = errors.Join(err, fmt.Errorf("Envoy rejects an update: %s", strings.Join(rejected, "; ")))
	}
	err = errors.Join(err, l.warm(ctx), l.serves(ctx, ""), l.updatesRejected(ctx))
	if err != nil {
		return err
	}
	before := l.serial
	l.issuer.Rotate()
	return errors.Join(l.serves(ctx, before), l.updatesRejected(ctx))
}

// invent makes the agent serve all secrets that the messages name.
func (l *acceptedLab) invent(messages []proto.Message) {
	l.t.Helper()
	var svids, bundles []string
	for _, m := range messages {
		switch m.(type) {
		case *clusterv3.Cluster, *listenerv3.Listener:
			text, err := protojson.Marshal(m)
			require.NoError(l.t, err)
			var v any
			require.NoError(l.t, json.Unmarshal(text, &v))
			secretNames(v, &svids, &bundles)
		}
	}
	l.issuer.Invent(svids, bundles)
}

func secretNames(v any, svids, bundles *[]string) {
	switch v := v.(type) {
	case map[string]any:
		if list, ok := v["tlsCertificateSdsSecretConfigs"].([]any); ok {
			for _, c := range list {
				*svids = append(*svids, c.(map[string]any)["name"].(string))
			}
		}
		if c, ok := v["validationContextSdsSecretConfig"].(map[string]any); ok {
			*bundles = append(*bundles, c["name"].(string))
		}
		for _, inner := range v {
			secretNames(inner, svids, bundles)
		}
	case []any:
		for _, inner := range v {
			secretNames(inner, svids, bundles)
		}
	}
}

// warm waits until no cluster or listener is warming.
func (l *acceptedLab) warm(ctx context.Context) error {
	return l.until(ctx, "clusters and listeners to be warm", func() error {
		n, err := l.Stat(ctx, "^(cluster_manager.warming_clusters|listener_manager.total_listeners_warming)%24")
		if err == nil && n > 0 {
			err = fmt.Errorf("%d warm", n)
		}
		return err
	})
}

func (l *acceptedLab) until(ctx context.Context, what string, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// serves waits until both of the bystander's resources serve with the same SVID, which differs from
// the one before.
func (l *acceptedLab) serves(ctx context.Context, before string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return l.until(ctx, "the bystander to be served", func() error {
		backend := l.GetPath(ctx, "bystander", serialPath)
		serial, ok := strings.CutPrefix(backend, "200 spiffe://example.org/envoy ")
		if !ok || serial == before {
			return fmt.Errorf("the bystander's backend sees %q, and %q before", backend, before)
		}
		listener, err := l.listenerSerial(ctx)
		if err != nil || listener != serial {
			return fmt.Errorf("the bystander's client sees %q and not %q: %w", listener, serial, err)
		}
		l.serial = serial
		return nil
	})
}

// listenerSerial returns the serial number of the certificate that a client of the bystander sees.
func (l *acceptedLab) listenerSerial(ctx context.Context) (string, error) {
	config := tlsconfig.MTLSClientConfig(l.source, l.source, tlsconfig.AuthorizeID(spiffeid.RequireFromString("spiffe://example.org/envoy")))
	config.ServerName = "bystanding.example.org"
	dialer := &tls.Dialer{Config: config}
	client := &http.Transport{DisableKeepAlives: true, DialTLSContext: dialer.DialContext}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d/", httpsAt), nil)
	if err != nil {
		return "", err
	}
	request.Host = config.ServerName
	response, err := client.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", response.StatusCode)
	}
	return fmt.Sprintf("%x", response.TLS.PeerCertificates[0].SerialNumber), err
}

// updatesRejected checks statistics, including those of secrets, whose rejection Envoy does not
// report to the control plane.
func (l *acceptedLab) updatesRejected(ctx context.Context) error {
	page, err := l.Admin(ctx, "/stats?format=json&filter=update_rejected%24")
	if err != nil {
		return err
	}
	var content struct {
		Stats []struct {
			Name  string
			Value int
		}
	}
	if err := json.Unmarshal(page, &content); err != nil {
		return fmt.Errorf("statistics: %w", err)
	}
	if len(content.Stats) < 3 {
		return fmt.Errorf("no statistics about rejected updates: %s", page)
	}
	for _, s := range content.Stats {
		if s.Value > 0 {
			err = errors.Join(err, fmt.Errorf("%s is %d", s.Name, s.Value))
		}
	}
	return err
}
