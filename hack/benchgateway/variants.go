package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/e2e/kubegateway"
	"github.com/egraft/egraft/pkg/mutator"
)

// variant is a way to run Envoy Gateway.
type variant struct {
	name string
	// server is what Envoy Gateway calls: nothing, "plain", "echo", "echo-copies" or "egraft".
	server string
	// hooks are the hooks that Envoy Gateway calls. If empty, Envoy Gateway has the configuration
	// that egraft prints.
	hooks []mutator.Hook
	// includes are the kinds of resources in the Translation hook.
	includes []string
	// policy is true if a policy is attached to the Gateway, so that all clusters are edited.
	policy bool
}

const (
	noServer     = ""
	plainServer  = "plain"
	echoServer   = "echo"
	copyServer   = "echo-copies"
	egraftServer = "egraft"
)

// Variants that others are compared with, or that have a target.
const (
	baseline        = "none"
	echoPrinted     = "echo"
	echoCopies      = "echo-copies"
	echoAll         = "echo-all"
	egraftPrinted   = "egraft"
	egraftPolicy    = "egraft-policy"
	egraftAll       = "egraft-all"
	egraftAllPolicy = "egraft-all-policy"
)

// variants returns the variants in the order of the tables.
func variants() []variant {
	translation, all := []mutator.Hook{mutator.HookTranslation}, []string{"cluster", "listener", "route", "secret"}
	return []variant{
		{name: baseline},
		{name: "plain-clusters", server: plainServer, hooks: translation, includes: all[:1]},
		{name: "plain-translation", server: plainServer, hooks: translation, includes: all},
		{name: echoPrinted, server: echoServer},
		{name: echoCopies, server: copyServer},
		{name: egraftPrinted, server: egraftServer},
		{name: egraftPolicy, server: egraftServer, policy: true},
		{name: "plain-all", server: plainServer, hooks: mutator.Hooks(), includes: all},
		{name: echoAll, server: echoServer, hooks: mutator.Hooks(), includes: all},
		{name: egraftAll, server: egraftServer, hooks: mutator.Hooks(), includes: all},
		{name: egraftAllPolicy, server: egraftServer, hooks: mutator.Hooks(), includes: all, policy: true},
	}
}

// chosen returns the variants in a list of names, and those that they are compared with.
func chosen(names string) ([]variant, error) {
	list := variants()
	if names == "" {
		return list, nil
	}
	wanted := append([]string{baseline}, strings.Split(names, ",")...)
	for _, name := range wanted {
		if !slices.ContainsFunc(list, func(v variant) bool { return v.name == name }) {
			return nil, fmt.Errorf("there is no variant %q", name)
		}
	}
	return slices.DeleteFunc(list, func(v variant) bool { return !slices.Contains(wanted, v.name) }), nil
}

// configuration returns Envoy Gateway's configuration. stanza is what egraft prints.
func (v variant) configuration(stanza []byte, pprof bool) (map[string]any, error) {
	var fields [][]byte
	if v.server != noServer {
		fields = append(fields, stanza)
	}
	if pprof {
		fields = append(fields, []byte("admin: {enablePprof: true}"))
	}
	config, err := kubegateway.Configuration(fields...)
	if err != nil || v.server == noServer || len(v.hooks) == 0 {
		return config, err
	}
	included := map[string]any{}
	for _, kind := range []string{"cluster", "listener", "route", "secret"} {
		included[kind] = map[string]any{"includeAll": slices.Contains(v.includes, kind)}
	}
	config["extensionManager"].(map[string]any)["hooks"] = map[string]any{
		"xdsTranslator": map[string]any{"post": v.hooks, "translation": included},
	}
	return config, nil
}
