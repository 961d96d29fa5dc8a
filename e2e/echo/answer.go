// Package echo is the backend of the demo and the tests: an HTTPS server that requires a client
// certificate and responds with what it saw of it.
//
// It gets its own certificate from the SPIFFE Workload API, like a SPIFFE workload in production.
// It must not depend on egraft.
package echo

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Answer is the backend's report on a request, in JSON.
type Answer struct {
	// Peer is the SPIFFE ID in the client's certificate, empty without one.
	Peer string `json:"peer"`
	// Serial is the serial number of that certificate, in hexadecimal.
	Serial string `json:"serial"`
	// Self is the SPIFFE ID of the backend.
	Self string `json:"self"`
	// SNI is the server name that the client requested.
	SNI string `json:"sni"`
	// TLS is the version, such as "1.3", empty in cleartext.
	TLS string `json:"tls"`
	// Proto is the version of HTTP, such as "HTTP/2.0".
	Proto string `json:"proto"`
	// Path is the path of the request.
	Path string `json:"path"`
	// Headers are the headers of the request, with values joined by commas.
	Headers map[string]string `json:"headers"`
}

// Handler responds to each request with an [Answer].
func Handler(self func() string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer(r, self())) // the client may have disconnected
	})
}

func answer(r *http.Request, self string) Answer {
	out := Answer{Self: self, Proto: r.Proto, Path: r.URL.Path, Headers: map[string]string{}}
	for name, values := range r.Header {
		out.Headers[name] = strings.Join(values, ",")
	}
	if r.TLS == nil {
		return out
	}
	out.SNI = r.TLS.ServerName
	out.TLS = strings.TrimPrefix(tls.VersionName(r.TLS.Version), "TLS ")
	if len(r.TLS.PeerCertificates) > 0 {
		leaf := r.TLS.PeerCertificates[0]
		out.Serial = fmt.Sprintf("%x", leaf.SerialNumber)
		if len(leaf.URIs) > 0 {
			out.Peer = leaf.URIs[0].String()
		}
	}
	return out
}
