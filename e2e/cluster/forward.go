package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/process"
)

// forwards are ports of this machine that are forwarded to Envoy's. kubectl ends a forward when a
// connection is reset, which happens if Envoy rejects an upload before it has read all of it. Each
// forward is therefore restarted until the end.
// https://github.com/kubernetes/kubernetes/issues/111825
type forwards struct {
	ended chan struct{}
	group errgroup.Group
}

// pause is the time between the end of a forward and its restart, for times when Envoy is down.
const pause = 200 * time.Millisecond

// ofGateway selects what Envoy Gateway makes for the Gateway.
const ofGateway = "gateway.envoyproxy.io/owning-gateway-name=eg"

// EnvoysMove is called when the Gateway's Envoys run in another namespace. It gives them their
// SPIFFE ID there, and deletes those in the previous namespace.
func (e *Environment) EnvoysMove(ctx context.Context, namespace string) error {
	_, err := e.spireServer(ctx, "entry", "create", "-parentID", manifest.ID("/node"), "-spiffeID", manifest.ID(manifest.EnvoyIdentity),
		"-selector", "k8s:ns:"+namespace, "-selector", "k8s:container-name:envoy", "-selector", "k8s:pod-label:gateway.envoyproxy.io/owning-gateway-name:eg")
	if err != nil {
		return err
	}
	if _, err := e.Kubectl.Run(ctx, "delete", "deployments,services", "--namespace", e.place, "--selector", ofGateway); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	e.forwards, e.place = forwards{ended: make(chan struct{})}, namespace
	return e.forward(ctx)
}

// forward makes the Gateway's listener and its Envoy's administration interface reachable from this
// machine.
func (e *Environment) forward(ctx context.Context) error {
	name, err := e.Kubectl.Run(ctx, "get", "deployments", "--namespace", e.place, "--output", "name",
		"--selector", ofGateway)
	if err != nil {
		return err
	}
	e.proxy = strings.TrimSpace(name)
	if e.listener, err = e.forwardTo(ctx, "listener", "10080"); err != nil {
		return err
	}
	e.admin, err = e.forwardTo(ctx, "admin", "19000")
	return err
}

var forwarding = regexp.MustCompile(`Forwarding from (127\.0\.0\.1:\d+) `)

// forwardTo forwards a port of this machine to a port of Envoy, and returns the address.
func (e *Environment) forwardTo(ctx context.Context, what, port string) (address string, err error) {
	p := e.portForward(what, ":"+port)
	if err := p.Start(); err != nil {
		return "", err
	}
	err = p.Wait(ctx, "kubectl to forward a port to Envoy", func(context.Context) error {
		log, err := os.ReadFile(p.Log)
		if match := forwarding.FindSubmatch(log); match != nil {
			address = string(match[1])
			return nil
		}
		return errors.Join(err, errors.New("nothing is forwarded yet"))
	})
	if err != nil {
		return "", errors.Join(err, p.Stop())
	}
	_, own, err := net.SplitHostPort(address)
	e.forwards.group.Go(func() error {
		return e.forwards.keep(p, func() *process.Process { return e.portForward(what, own+":"+port) })
	})
	return address, err
}

// portForward has a log for each namespace, because forwardTo reads the address from the log.
func (e *Environment) portForward(what, ports string) *process.Process {
	p := process.New(e.options.Dir, "forward-"+what+"-in-"+e.place, e.Kubectl.Program, "port-forward", "--namespace", e.place, e.proxy, ports)
	p.Environ = []string{"KUBECONFIG=" + e.Kubectl.Kubeconfig}
	return p
}

// keep restarts a forward when it ends.
func (f *forwards) keep(p *process.Process, again func() *process.Process) error {
	for {
		select {
		case <-f.ended:
			return p.Stop()
		case <-p.Exited():
		}
		select {
		case <-f.ended:
			return nil
		case <-time.After(pause):
		}
		p = again()
		if err := p.Start(); err != nil {
			return err
		}
	}
}

// Close ends the programs started here. The cluster stays.
func (e *Environment) Close() error {
	close(e.forwards.ended)
	return e.forwards.group.Wait()
}
