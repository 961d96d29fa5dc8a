package originaldestination

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/xds"
)

// trust takes headers from the filters that are trusted to set them, and from no others: what
// others made of a header is removed right before the trusted ones, and what it is right after
// them is kept in metadata, whatever others make of it later. Without a trusted filter nothing
// is believed.
func trust(hcm *hcmv3.HttpConnectionManager, sources []v1alpha1.DestinationSource) error {
	var all []*trusted
	headers := headersOf(sources)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		all = append(all, &trusted{name: name, headers: headers[name]})
	}
	var out []*hcmv3.HttpFilter
	for _, f := range hcm.GetHttpFilters() {
		before, err := guards(all, f.GetName())
		if err != nil {
			return err
		}
		out = append(append(out, before...), f)
	}
	hcm.HttpFilters = out
	return nil
}

// trusted are the filters of one name. Those that follow each other, as those of several
// scripts do, are as one.
type trusted struct {
	name    string
	headers []string
	inside  bool // of a row of them
	rows    int
	kept    int
}

func (t *trusted) has(filter string) bool {
	return strings.HasPrefix(filter, t.name) && !xds.IsRouter(filter)
}

// guards are what belongs in front of a filter: at the end of a row, and at the beginning of
// one. A row of others begins with a removal, before which what is set so far has to be kept.
func guards(all []*trusted, next string) (out []*hcmv3.HttpFilter, err error) {
	add := func(name string, config proto.Message) {
		f, wrong := httpFilter(name, config)
		if out = append(out, f); wrong != nil {
			err = wrong
		}
	}
	begins := slices.ContainsFunc(all, func(t *trusted) bool { return t.has(next) && !t.inside })
	for _, t := range all {
		if t.inside && (begins || !t.has(next)) {
			add(numbered(believeName+t.name, t.kept), t.believe())
			t.inside, t.kept = t.has(next), t.kept+1
		}
	}
	for _, t := range all {
		if t.has(next) && !t.inside || xds.IsRouter(next) && t.rows == 0 {
			add(numbered(distrustName+t.name, t.rows), t.distrust())
			t.inside, t.rows = t.has(next), t.rows+1
		}
	}
	return out, err
}

// numbered are names of which the first has no number.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s/%d", name, n+1)
}

// distrust removes the headers. Before the first row it forgets what is kept, too: a Lua
// script could have written there.
func (t *trusted) distrust() proto.Message {
	if t.rows > 0 {
		return &headermutationv3.HeaderMutation{Mutations: &headermutationv3.Mutations{RequestMutations: removals(t.headers)}}
	}
	return t.rules(func(h string) *headertometadatav3.Config_Rule {
		none := constant(believedNamespace+t.name, h, nothing)
		return &headertometadatav3.Config_Rule{Header: h, OnHeaderPresent: none, OnHeaderMissing: none, Remove: true}
	})
}

// believe keeps the headers. One that is not there may have been set in a row before.
func (t *trusted) believe() proto.Message {
	return t.rules(func(h string) *headertometadatav3.Config_Rule {
		return &headertometadatav3.Config_Rule{Header: h, OnHeaderPresent: constant(believedNamespace+t.name, h, "")}
	})
}

func (t *trusted) rules(of func(header string) *headertometadatav3.Config_Rule) *headertometadatav3.Config {
	config := &headertometadatav3.Config{}
	for _, h := range t.headers {
		config.RequestRules = append(config.RequestRules, of(h))
	}
	return config
}
