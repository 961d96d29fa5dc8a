package engine

import (
	"bytes"
	"slices"
	"strings"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// systemCACertificates is a Secret that Envoy Gateway shares among clusters and restores if it is
// changed.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/translator.go
const systemCACertificates = "system_ca_certificates"

// pruneSecrets removes the Secrets that a changed listener referred to and that nothing in the
// response refers to any more, if a feature prunes Secrets.
//
// It needs no knowledge of the fields that refer to Secrets: a name is contiguous bytes at any
// depth of a message and inside any Any. A name that occurs by chance keeps a Secret that could be
// pruned, never the other way round. Only the names of Secrets are read.
func (e *Engine) pruneSecrets(in *mutator.Input, call *Call, res *Response) {
	i := slices.IndexFunc(e.features, func(f mutator.Feature) bool { return f.PrunesSecrets && f.Uses(call.Hook) })
	if i < 0 || call.Hook != mutator.HookTranslation || !included(call) {
		return
	}
	changed := changedListeners(call, res)
	if len(changed) == 0 {
		return
	}
	for at, list := range res.Resources {
		if list.Kind != mutator.KindSecret {
			continue
		}
		shape := wire.FieldNumbersOf((*tlsv3.Secret)(nil))
		kept := slices.DeleteFunc(slices.Clone(list.Encoded), func(raw []byte) bool {
			name := wire.NewView(shape, raw).Name()
			if name == "" || name == systemCACertificates || !occurs(name, changed) || referredTo(name, res) {
				return false
			}
			res.add(&Outcome{Feature: e.features[i].Name, Kind: mutator.KindSecret, Name: strings.Clone(name), Result: Pruned})
			if e.recordsEffects {
				res.recordPruned(in, &e.features[i], strings.Clone(name), raw)
			}
			return true
		})
		res.Resources[at].Encoded = kept
	}
}

// included reports whether Envoy Gateway sent all resources that may refer to a Secret. Kinds that
// it does not include in a call are empty.
func included(call *Call) bool {
	for _, kind := range []mutator.Kind{mutator.KindCluster, mutator.KindListener, mutator.KindRouteConfiguration} {
		if !slices.ContainsFunc(call.Resources, func(r Resources) bool { return r.Kind == kind && len(r.Encoded) > 0 }) {
			return false
		}
	}
	return true
}

// changedListeners returns the original bytes of the listeners that were changed.
func changedListeners(call *Call, res *Response) (before [][]byte) {
	for i, list := range call.Resources {
		if list.Kind != mutator.KindListener {
			continue
		}
		for j, raw := range list.Encoded {
			if !bytes.Equal(raw, res.Resources[i].Encoded[j]) {
				before = append(before, raw)
			}
		}
	}
	return before
}

// referredTo reports whether a name occurs anywhere in the response except in Secrets.
func referredTo(name string, res *Response) bool {
	return slices.ContainsFunc(res.Resources, func(list Resources) bool {
		return list.Kind != mutator.KindSecret && occurs(name, list.Encoded)
	})
}

func occurs(name string, encoded [][]byte) bool {
	return slices.ContainsFunc(encoded, func(raw []byte) bool { return bytes.Contains(raw, []byte(name)) })
}
