package main

import (
	"bytes"
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/extension"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// Methods that Envoy Gateway calls.
var (
	translation     = extension.FullMethod(mutator.HookTranslation)
	virtualHostHook = extension.FullMethod(mutator.HookVirtualHost)
	routeHook       = extension.FullMethod(mutator.HookRoute)
)

// mtls is attached to the Gateway of the fixture.
const mtls = `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy",` +
	`"metadata":{"namespace":"shop","name":"mtls","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{` +
	`"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"gateway"}],` +
	`"trustDomain":"example.org","workloadIdentifier":"/ns/envoy/sa/envoy","peers":[{"prefix":"spiffe://example.org/ns/shop/"}]}}`

// elsewhere is the same policy for a listener that does not exist: Envoy Gateway sends it
// nevertheless.
func elsewhere() string {
	return strings.Replace(mtls, `"name":"gateway"}`, `"name":"gateway","sectionName":"none"}`, 1)
}

// orders is the number of encodings of a request, which are sent in turns: Envoy Gateway writes
// maps in Go's order, which changes with each call.
const orders = 4

// request is a call of Envoy Gateway, encoded.
type request struct {
	method string
	body   []byte   // one of bodies
	bodies [][]byte // of the same content and length
	// revisions are the offsets of the clusters' revisions in a body.
	revisions []int
}

func newRequest(method string, encoded func() []byte) *request {
	r := &request{method: method}
	for range orders {
		r.bodies = append(r.bodies, encoded())
	}
	r.turn(0)
	return r
}

// turn selects the next body to send.
func (r *request) turn(call int) { r.body = r.bodies[call%len(r.bodies)] }

// translate returns a translation with the given number of clusters.
func translate(clusters int, policy string) *request {
	r := newRequest(translation, func() []byte { return encodeTranslation(clusters, policy) })
	for at := 0; ; {
		i := bytes.Index(r.body[at:], []byte(revision))
		if i < 0 {
			return r
		}
		at += i + len(revision)
		r.revisions = append(r.revisions, at-10)
	}
}

func encodeTranslation(clusters int, policy string) []byte {
	m := &wire.Message{}
	m.Add(1, policies(policy))
	for i := range clusters {
		m.Add(2, encode(cluster(i)))
	}
	m.Add(3, encode(&tlsv3.Secret{Name: "system_ca_certificates", Type: &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
		TrustedCa: &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: "/etc/ssl/certs/ca-certificates.crt"}},
	}}}))
	listeners := max(1, clusters/routesPerListener)
	for n := range listeners {
		m.Add(4, encode(listener(n)))
	}
	for n := range listeners {
		m.Add(5, encode(routeConfiguration(n, clusters)))
	}
	return m.Append(nil)
}

// oneVirtualHost returns a call of the VirtualHost hook, for a virtual host with one route: if all
// hooks are enabled, most calls of Envoy Gateway are for resources without a policy.
func oneVirtualHost() *request {
	return newRequest(virtualHostHook, func() []byte {
		vh := routeConfiguration(0, 1).GetVirtualHosts()[0]
		vh.Routes = vh.GetRoutes()[:1]
		m := &wire.Message{}
		m.Add(1, encode(vh))
		return m.Append(nil)
	})
}

// oneRoute returns a call of the Route hook, which Envoy Gateway makes for routes that have a
// policy or a filter.
func oneRoute() *request {
	ofRoute := strings.Replace(mtls, `"kind":"Gateway","name":"gateway"`, `"kind":"HTTPRoute","name":"route-0"`, 1)
	return newRequest(routeHook, func() []byte {
		ctx, m := &wire.Message{}, &wire.Message{}
		ctx.Add(2, []byte("host-0.example.com"))
		ctx.Add(3, extensionResource(ofRoute))
		m.Add(1, encode(route(0, 1)))
		m.Add(2, ctx.Append(nil))
		return m.Append(nil)
	})
}

// policies returns a PostTranslateExtensionContext.
func policies(policy string) []byte {
	return (&wire.Message{Fields: []wire.Field{{Number: 1, Value: extensionResource(policy)}}}).Append(nil)
}

func extensionResource(object string) []byte {
	return (&wire.Message{Fields: []wire.Field{{Number: 1, Value: []byte(object)}}}).Append(nil)
}

// change makes the first clusters new.
func (r *request) change(clusters, to int) {
	text := fmt.Appendf(nil, "%010d", to)
	for _, at := range r.revisions[:clusters] {
		copy(r.body[at:], text)
	}
}

func encode(m proto.Message) []byte { return must(proto.Marshal(m)) }
