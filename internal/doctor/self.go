package doctor

import (
	"fmt"
	"time"

	"github.com/egraft/egraft/internal/finding"
)

// selfChecks returns the checks that need only egraft's knowledge of itself.
func selfChecks() []Check {
	return []Check{
		{finding.Unhealthy, GroupEgraft, "egraft is healthy", eachEgraft(healthy)},
		{finding.NotCalled, GroupEgraft, "Envoy Gateway calls egraft", eachEgraft(called)},
		{finding.CallsFail, GroupEgraft, "the last call of each hook succeeded", eachEgraft(callsSucceed)},
		{finding.MessageLimit, GroupEgraft, "messages are well below egraft's limit", eachEgraft(belowOwnLimit)},
	}
}

// Self runs the checks that an egraft can run on itself.
func Self(e *Egraft, now time.Time) (out []Result) {
	f := &Facts{Now: now, Egrafts: Known([]Egraft{*e})}
	for _, c := range selfChecks() {
		out = append(out, c.result(c.run(f)))
	}
	return out
}

func belowOwnLimit(_ *Facts, e *Egraft) []Problem {
	largest, tooLarge := e.largest()
	remedy := "Raise --max-message-size, and maxMessageSize of Envoy Gateway's extension manager."
	switch {
	case tooLarge > 0:
		return []Problem{failed(fmt.Sprintf("%s: %d calls had a message larger than --max-message-size %s", e.Name, tooLarge, bytes(e.MaxMessageBytes)), remedy)}
	case largest > e.MaxMessageBytes*near/100:
		return []Problem{warning(fmt.Sprintf("%s: the largest message so far has %s, which is close to --max-message-size %s", e.Name, bytes(largest), bytes(e.MaxMessageBytes)), remedy)}
	default:
		return nil
	}
}

// Number returns the status as a metric value: 0 ok or skipped, 1 warning, 2 failed.
func (s Status) Number() float64 {
	switch s {
	case Warning:
		return 1
	case Failed:
		return 2
	default:
		return 0
	}
}
