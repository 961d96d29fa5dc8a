package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/pkg/mutator"
)

// egraftChecks returns the checks of running egrafts.
func egraftChecks() []Check {
	return []Check{
		{finding.EgraftUnreachable, GroupEgraft, "egraft responds", reachable},
		{finding.Unhealthy, GroupEgraft, "egraft is healthy", eachEgraft(healthy)},
		{finding.NotCalled, GroupEgraft, "Envoy Gateway calls egraft", eachEgraft(called)},
		{finding.CallsFail, GroupEgraft, "the last call of each hook succeeded", eachEgraft(callsSucceed)},
		{finding.ReplicasDiffer, GroupEgraft, "all replicas are the same egraft", replicasAgree},
	}
}

func reachable(f *Facts) verdict {
	if !f.Egrafts.Known {
		return found(failed(f.Egrafts.Why, "Start egraft, or pass its admin address:\n$ egraft doctor --admin-address HOST:PORT"))
	}
	all := f.egrafts()
	note := fmt.Sprintf("%d replicas", len(all))
	if len(all) == 1 {
		note = all[0].Name + ", " + all[0].Version
	}
	return verdict{note: note}
}

// eachEgraft runs a check for each replica.
func eachEgraft(check func(*Facts, *Egraft) []Problem) func(*Facts) verdict {
	return func(f *Facts) (v verdict) {
		if !f.Egrafts.Known {
			return skipped("no egraft responds")
		}
		for i := range f.egrafts() {
			v.problems = append(v.problems, check(f, &f.egrafts()[i])...)
		}
		return v
	}
}

func healthy(_ *Facts, e *Egraft) []Problem {
	if e.Unhealthy == "" {
		return nil
	}
	return []Problem{failed(e.Name+": "+e.Unhealthy, "If it does not recover within minutes, restart egraft.")}
}

// settled is the time after its start by which an egraft must have been called: Envoy Gateway waits
// at most two minutes between two attempts to connect.
const settled = 2 * time.Minute

func called(f *Facts, e *Egraft) []Problem {
	if !slices.Contains(e.Needs.Hooks, mutator.HookTranslation) || !e.last(mutator.HookTranslation).IsZero() {
		return nil
	}
	up := f.Now.Sub(e.Started)
	message := fmt.Sprintf("%s: no call of the Translation hook since its start %s ago", e.Name, up.Round(time.Second))
	if up < settled {
		return []Problem{warning(message, "Wait until Envoy Gateway has connected.")}
	}
	return []Problem{failed(message, "Correct the failed checks of Envoy Gateway's configuration below, then check its log. Without a Gateway, there are no calls."+f.logWith("egraft"))}
}

// last returns the time of the last call of a hook, zero if there was none.
func (e *Egraft) last(h mutator.Hook) time.Time {
	for _, c := range e.Calls {
		if c.Hook == string(h) {
			return c.Last
		}
	}
	return time.Time{}
}

func callsSucceed(f *Facts, e *Egraft) (out []Problem) {
	for _, c := range e.Calls {
		if c.Last.IsZero() || c.LastCode == "OK" {
			continue
		}
		out = append(out, failed(
			fmt.Sprintf("%s: the last call of the hook %s, %s ago, ended with %s", e.Name, c.Hook, f.Now.Sub(c.Last).Round(time.Second), c.LastCode),
			"Find the error in the line `call failed` in egraft's log, remove its cause, and change a resource of the Gateway, for example an annotation of a route."))
	}
	return out
}

func replicasAgree(f *Facts) verdict {
	all := f.egrafts()
	if len(all) < 2 {
		return skipped("fewer than two replicas respond")
	}
	for i := range all[1:] {
		e := &all[i+1]
		switch {
		case e.Version != all[0].Version:
			return found(warning(fmt.Sprintf("%s is %s, and %s is %s", all[0].Name, all[0].Version, e.Name, e.Version), rolloutRemedy))
		case !slices.Equal(e.Features, all[0].Features):
			return found(warning(fmt.Sprintf("%s has the features %v, and %s has %v", all[0].Name, all[0].Features, e.Name, e.Features), rolloutRemedy))
		}
	}
	return verdict{}
}

const rolloutRemedy = "Wait for the rollout, or find out why it stopped:\n$ kubectl rollout status --namespace envoy-gateway-system deployment/envoy-gateway"
