package doctor

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
)

// near is the percentage of a limit from which a message counts as near the limit.
const near = 80

// limits compares both limits with each other and with the largest received message.
func limits(m *manager) (out []Problem) {
	theirs := m.MaxMessageBytes()
	for i := range m.facts.egrafts() {
		e := &m.facts.egrafts()[i]
		largest, tooLarge := e.largest()
		lower := min(theirs, e.MaxMessageBytes)
		remedy := fmt.Sprintf("Set maxMessageSize of %s in %s and --max-message-size of egraft to %s, and restart both.",
			m.title, m.facts.where(), bytes(max(theirs, e.MaxMessageBytes, 2*largest)))
		switch {
		case tooLarge > 0:
			out = append(out, failed(fmt.Sprintf("%s: %d calls had a message larger than a limit (egraft %s, Envoy Gateway %s)", e.Name, tooLarge, bytes(e.MaxMessageBytes), bytes(theirs)), remedy))
		case largest > lower:
			out = append(out, failed(fmt.Sprintf("%s: the largest message so far has %s, but the limit is %s", e.Name, bytes(largest), bytes(lower)), remedy))
		case largest > lower*near/100:
			out = append(out, warning(fmt.Sprintf("%s: the largest message so far has %s, which is close to the limit of %s", e.Name, bytes(largest), bytes(lower)), remedy))
		case theirs < e.MaxMessageBytes:
			out = append(out, warning(fmt.Sprintf("maxMessageSize of %s is %s, less than --max-message-size %s of egraft", m.title, bytes(theirs), bytes(e.MaxMessageBytes)), remedy))
		}
	}
	return out
}

// largest returns the size of the largest message and the number of calls over a limit.
func (e *Egraft) largest() (size int64, tooLarge uint64) {
	for _, c := range e.Calls {
		size, tooLarge = max(size, c.LargestBytes), tooLarge+c.TooLarge
	}
	return size, tooLarge
}

// bytes formats a size as settings do, rounded up to three digits.
func bytes(n int64) string {
	for unit := int64(1); ; unit <<= 10 {
		if n <= 999*unit || unit == 1<<60 {
			return resource.NewQuantity((n+unit-1)/unit*unit, resource.BinarySI).String()
		}
	}
}

// loaded compares the running extension managers with the written ones.
func loaded(f *Facts) verdict {
	if !f.Running.Known || !f.Written.Known {
		return skipped("Envoy Gateway's running configuration is unknown")
	}
	running, err := json.Marshal(f.Running.Value.Managers())
	written, err2 := json.Marshal(f.Written.Value.Managers())
	if err != nil || err2 != nil || string(running) == string(written) {
		return verdict{}
	}
	return found(failed("the extension managers in "+f.Written.Value.Where+" differ from those of the running Envoy Gateway",
		"If this persists for two minutes, find out why Envoy Gateway does not load it, and restart Envoy Gateway:"+f.logWith("config-loader")+f.restart()))
}
