package journal

import (
	"slices"
	"strings"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// taken is a reference to a call.
type taken struct {
	call     *engine.Call
	bytes    int
	began    time.Time
	took     time.Duration
	outcomes []*engine.Outcome
	subject  func() string
	err      string
}

// maxError is the maximum size of an error's text in bytes.
const maxError = 1 << 10

func newTaken(call *engine.Call, res *engine.Response, err error, began time.Time) *taken {
	t := &taken{call: call, began: began, took: time.Since(began), outcomes: res.Outcomes, subject: res.Subject}
	for _, o := range call.Objects {
		t.bytes += len(o)
	}
	for _, list := range call.Resources {
		for _, r := range list.Encoded {
			t.bytes += len(r)
		}
	}
	if err != nil {
		text := strings.ToValidUTF8(err.Error(), "")
		t.err = strings.ToValidUTF8(text[:min(len(text), maxError)], "")
	}
	return t
}

// changed returns how many resources egraft changed.
func (t *taken) changed() int {
	type resource struct {
		kind mutator.Kind
		name string
	}
	seen := map[resource]bool{}
	for _, o := range t.outcomes {
		switch o.Result {
		case engine.Applied, engine.Denied, engine.Added, engine.Pruned:
			seen[resource{o.Kind, o.Name}] = true
		}
	}
	return len(seen)
}

// group is a translation and the single-resource calls before it on the same connection.
type group struct {
	key         string         // replaces waiting groups with the same key; empty replaces none
	raw         keyed[*taken]  // not redacted
	done        keyed[*single] // redacted
	size        int            // size of done in bytes
	translation *taken         // nil until it arrives
}

// waiting holds the calls that are not kept yet.
type waiting struct {
	closed []*group // groups with a translation, in order
	open   map[uint64]*group
	bytes  int64 // size of calls that are not redacted
}

func newWaiting() waiting { return waiting{open: map[uint64]*group{}} }

// maxConnections is the maximum number of open groups: Envoy Gateway has one connection, and a new
// one after a restart.
const maxConnections = 16

// add adds a call and returns how many calls it dropped: waiting calls that a newer one for the
// same Gateway replaces, or the call itself if there is no room.
func (w *waiting) add(connection uint64, t *taken, limit int64) (dropped int) {
	g := w.open[connection]
	if g == nil {
		if len(w.open) >= maxConnections {
			dropped += w.forgetOldest()
		}
		g = &group{}
		w.open[connection] = g
	}
	if w.bytes > 0 && w.bytes+int64(t.bytes) > limit {
		if isTranslation(t.call) {
			delete(w.open, connection)
			dropped += w.drop(g)
		}
		return dropped + 1
	}
	w.bytes += int64(t.bytes)
	if !isTranslation(t.call) {
		if replaced, found := g.raw.put(nameOf(t.call), t); found {
			w.bytes -= int64(replaced.bytes)
			dropped++
		}
		return dropped
	}
	delete(w.open, connection)
	g.translation, g.key = t, firstGateway(t.call)
	if i := slices.IndexFunc(w.closed, func(o *group) bool { return g.key != "" && o.key == g.key }); i >= 0 {
		dropped += w.drop(w.closed[i])
		w.closed[i] = g
	} else {
		w.closed = append(w.closed, g)
	}
	return dropped
}

// drop subtracts a group from the size and returns its number of calls.
func (w *waiting) drop(g *group) (calls int) {
	w.bytes -= rawBytes(g)
	calls = len(g.raw.list) + len(g.done.list)
	if g.translation != nil {
		w.bytes -= int64(g.translation.bytes)
		calls++
	}
	return calls
}

func (w *waiting) forgetOldest() (calls int) {
	oldest, found := uint64(0), false
	for c := range w.open {
		if !found || c < oldest {
			oldest, found = c, true
		}
	}
	calls = w.drop(w.open[oldest])
	delete(w.open, oldest)
	return calls
}

// forget removes the calls of a group that cannot be kept.
func (w *waiting) forget(g *group) (calls int) {
	calls = len(g.raw.list) + len(g.done.list)
	if g.translation != nil {
		calls++
	}
	w.bytes -= rawBytes(g)
	g.raw, g.done, g.size = keyed[*taken]{}, keyed[*single]{}, 0
	return calls
}

// take returns the next group, or nil.
func (w *waiting) take() *group {
	if len(w.closed) == 0 {
		return nil
	}
	g := w.closed[0]
	w.closed = slices.Delete(w.closed, 0, 1)
	w.bytes -= int64(g.translation.bytes) + rawBytes(g)
	return g
}

// takeRaw returns the calls of a group that are not redacted.
func (w *waiting) takeRaw(g *group) []*taken {
	list := g.raw.list
	if g.translation == nil { // otherwise take has subtracted them
		w.bytes -= rawBytes(g)
	}
	g.raw = keyed[*taken]{}
	return list
}

// room returns how much of a limit for all groups is left for a group.
func (w *waiting) room(g *group, limit int64) int64 {
	for _, other := range w.open {
		if other != g {
			limit -= int64(other.size)
		}
	}
	return limit
}

// rawBytes returns the size of the single-resource calls of a group that are not redacted.
func rawBytes(g *group) (n int64) {
	for _, t := range g.raw.list {
		n += int64(t.bytes)
	}
	return n
}

// pressed reports whether the next call may not fit.
func (w *waiting) pressed(limit int64) bool {
	return w.bytes > limit/2 && len(w.closed)+len(w.open) > 1
}

func (w *waiting) openGroups() []*group {
	var out []*group
	for _, g := range w.open {
		out = append(out, g)
	}
	return out
}

const virtualHosts protowire.Number = 2 // a field of RouteConfiguration

var (
	hostFields     = wire.FieldNumbersOf((*routev3.VirtualHost)(nil))
	listenerFields = wire.FieldNumbersOf((*listenerv3.Listener)(nil))
)

// firstGateway returns the Gateway of the first virtual host, which is in no other translation, or
// an empty string. It must be fast because the hook call waits.
func firstGateway(call *engine.Call) string {
	for _, list := range call.Resources {
		if list.Kind != mutator.KindRouteConfiguration {
			continue
		}
		for _, raw := range list.Encoded {
			for num, value := range wire.Values(raw) {
				if num != virtualHosts {
					continue
				}
				for _, r := range wire.NewView(hostFields, value).References() {
					return r.Namespace + "/" + r.Name
				}
			}
		}
	}
	return ""
}

// gateway returns the Gateways of a translation as [engine.Response.Subject] does, and a name for
// its entries. Without virtual hosts, only listeners distinguish Gateways.
func (g *group) gateway() (subject, name string) {
	if subject = g.translation.subject(); subject != "" {
		return subject, subject
	}
	for _, list := range g.translation.call.Resources {
		if list.Kind == mutator.KindListener && len(list.Encoded) > 0 {
			return "", "listener " + strings.Clone(wire.NewView(listenerFields, list.Encoded[0]).Name())
		}
	}
	return "", ""
}
