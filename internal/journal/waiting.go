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

// taken is a call by reference.
type taken struct {
	call     *engine.Call
	bytes    int
	began    time.Time
	took     time.Duration
	outcomes []*engine.Outcome
	subject  func() string
	err      string
}

// maxError is how much is kept of an error.
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

// changed is how many resources egraft changed.
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

// group is a translation and the calls for single resources before it on its connection.
type group struct {
	key         string         // of groups of which only the last one counts; empty for none
	raw         keyed[*taken]  // as they came
	done        keyed[*single] // redacted
	size        int            // bytes of done
	translation *taken         // nil until it comes
}

// waiting is what came and is not kept yet.
type waiting struct {
	closed []*group // whose translation has come, in order
	open   map[uint64]*group
	bytes  int64 // of what is not redacted
}

func newWaiting() waiting { return waiting{open: map[uint64]*group{}} }

// maxConnections bounds how many have an open group: Envoy Gateway has one, and a new one when it
// starts again.
const maxConnections = 16

// add adds a call and returns how many are dropped: those that are followed by a newer one for the
// same Gateway, or the call itself if there is no room.
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

// drop takes a group out of the account.
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

// take returns the next group, and nil if there is none.
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
	if g.translation == nil { // otherwise take did it
		w.bytes -= rawBytes(g)
	}
	g.raw = keyed[*taken]{}
	return list
}

// room is how much a group may have of what all groups may have.
func (w *waiting) room(g *group, limit int64) int64 {
	for _, other := range w.open {
		if other != g {
			limit -= int64(other.size)
		}
	}
	return limit
}

// rawBytes is the size of the calls of a group that are not redacted, without the translation.
func rawBytes(g *group) (n int64) {
	for _, t := range g.raw.list {
		n += int64(t.bytes)
	}
	return n
}

// pressed tells whether so much waits that the next call may find no room.
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

const virtualHosts protowire.Number = 2 // of RouteConfiguration

var (
	hostFields     = wire.FieldNumbersOf((*routev3.VirtualHost)(nil))
	listenerFields = wire.FieldNumbersOf((*listenerv3.Listener)(nil))
)

// firstGateway is the Gateway of the first virtual host, which no other translation has, and empty if
// there is none. It takes no time to find: the hook waits.
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

// gateway returns the Gateways of a translation as [engine.Response.Subject] has them, and a name for
// what is kept of them. Without virtual hosts only the listeners can tell Gateways apart.
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
