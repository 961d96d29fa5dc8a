package main

import (
	"os"

	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/standalone"
)

// keep says how to look at what goes on running. It runs in a network
// namespace of its own, so each command has to enter that.
func (s *story) keep() {
	enter := netns.Enter()
	admin, err := s.env.AdminAddress()
	if err != nil {
		admin = err.Error()
	}
	s.title("\nEverything goes on running until Ctrl-C. To look at it, in another terminal:")
	s.say("a request       %s curl -s -H 'Host: %s' http://%s/", enter, plain.Host(), standalone.ListenerAddress)
	s.say("Envoy's admin   %s curl -s http://%s/config_dump", enter, admin)
	s.say("egraft's admin  %s curl -s http://%s/metrics", enter, standalone.EgraftAdminAddress)
	s.say("the policy      edit %s/res/mtls.yaml, and it takes effect", s.env.Dir)
	s.say("the logs        tail -f %s/log/*", s.env.Dir)
	s.say("stop it         Ctrl-C, or kill %d", os.Getpid())
}
