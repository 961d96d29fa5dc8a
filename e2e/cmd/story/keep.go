package main

import (
	"os"

	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/standalone"
)

// keep prints how to inspect what keeps running. It runs in its own network namespace, which each
// command must enter.
func (s *story) keep() {
	enter := netns.Enter()
	admin, err := s.env.AdminAddress()
	if err != nil {
		admin = err.Error()
	}
	s.Title("\nEverything keeps running until Ctrl-C. To inspect it, run in another terminal:")
	s.Say("a request       %s curl -s -H 'Host: %s' http://%s/", enter, plain.Host(), standalone.ListenerAddress)
	s.Say("Envoy's admin   %s curl -s http://%s/config_dump", enter, admin)
	s.Say("egraft's admin  %s curl -s http://%s/metrics", enter, standalone.EgraftAdminAddress)
	s.Say("explain it      %s %s explain backendmtlspolicy/default/mtls --admin-address %s --envoy-admin %s --envoy-gateway-config %s/envoy-gateway.yaml",
		enter, s.env.EgraftProgram(), standalone.EgraftAdminAddress, admin, s.env.Dir)
	s.Say("the policy      edit %s/res/mtls.yaml, and it takes effect; a removed field keeps its value, because Envoy Gateway merges files", s.env.Dir)
	s.Say("your policy     a file in the same directory, for the Gateway eg, its listener http, or the HTTPRoutes %s and %s, all in the namespace default", plain.Name, tls.Name)
	s.Say("the logs        tail -f %s/log/*", s.env.Dir)
	s.Say("stop it         Ctrl-C, or kill %d", os.Getpid())
}
