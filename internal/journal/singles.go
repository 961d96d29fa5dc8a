package journal

import (
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// keyed is a list in which a new element replaces an older one with the same key.
type keyed[T any] struct {
	list []T
	at   map[string]int
}

// put returns the element that it replaced.
func (k *keyed[T]) put(key string, v T) (replaced T, found bool) {
	if i, found := k.at[key]; found {
		replaced, k.list[i] = k.list[i], v
		return replaced, true
	}
	if k.at == nil {
		k.at = map[string]int{}
	}
	k.at[key] = len(k.list)
	k.list = append(k.list, v)
	return replaced, false
}

// nameOf returns a key of the resource that a call is about.
func nameOf(c *engine.Call) string {
	name := ""
	for _, list := range c.Resources {
		if len(list.Encoded) > 0 {
			name = wire.NewView(fieldNumbers()[list.Kind], list.Encoded[0]).Name()
		}
	}
	return strings.Join(append([]string{string(c.Hook), name}, c.Hostnames...), "\n") // Join also copies the name
}

// fieldNumbers returns the field numbers of names by kind.
var fieldNumbers = sync.OnceValue(func() map[mutator.Kind]wire.FieldNumbers {
	out := map[mutator.Kind]wire.FieldNumbers{}
	for _, k := range callfile.Kinds() {
		if m, err := callfile.NewMessage(k); err == nil {
			out[k] = wire.FieldNumbersOf(m)
		}
	}
	return out
})

// single is a redacted call for a single resource.
type single struct {
	recording.Meta
	digest
	call *engine.Call
	size int
}

// add adds a call to a group and returns how many calls it dropped. Without the Translation hook a
// group never ends: it restarts at the limit.
func (g *group) add(s *single, limit int64) (dropped int) {
	if int64(g.size+s.size) > limit {
		dropped, g.done, g.size = len(g.done.list), keyed[*single]{}, 0
	}
	g.size += s.size
	before, found := g.done.put(nameOf(s.call), s)
	if !found {
		return dropped
	}
	g.size -= before.size
	if before.digest != s.digest {
		return dropped + 1
	}
	s.First, s.Count = before.First, before.Count+1
	return dropped
}

// metaOf returns the metadata of a call.
func metaOf(t *taken, gateway string, redacted int) recording.Meta {
	return recording.Meta{
		Gateway: gateway, First: t.began, Last: t.began, Count: 1, Bytes: t.bytes, Took: metav1.Duration{Duration: t.took},
		Changed: t.changed(), Error: t.err, Redacted: redacted,
	}
}
