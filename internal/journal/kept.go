package journal

import (
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kept holds the kept entries within a limit. It is safe for concurrent use; the calls of an entry
// never change.
type kept struct {
	limit int64

	mu       sync.Mutex
	gateways map[string][]*entry // oldest first
	number   int                 // number of the last entry
}

// history is the maximum number of entries of a Gateway.
const history = 10

func newKept(limit int64) kept { return kept{limit: limit, gateways: map[string][]*entry{}} }

// last returns the last entry of a Gateway, or nil.
func (k *kept) last(name string) *entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	if list := k.gateways[name]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// put keeps an entry, or returns false if it does not fit.
func (k *kept) put(name string, e *entry) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.size() > k.limit {
		return false
	}
	k.number++
	e.name(k.number)
	list := k.gateways[name]
	if len(list) > 0 {
		list[len(list)-1].known = nil // only the last entry needs it
	}
	if len(list) == history {
		list = slices.Delete(list, 0, 1)
	}
	k.gateways[name] = append(list, e)
	for k.bytes() > k.limit {
		k.evict(name)
	}
	return true
}

// name sets the IDs of the calls of an entry.
func (e *entry) name(number int) {
	e.number = number
	id, last := strconv.Itoa(number), len(e.metas)-1
	for i := range e.metas[:last] {
		e.metas[i].ID, e.metas[i].Translation = id+"."+strconv.Itoa(i+1), id
	}
	e.metas[last].ID = id
}

// evict removes the oldest entry that is not the last one of its Gateway. If there is none, it
// removes the entry of the Gateway with the least recent call, but never the entry of the Gateway
// name.
func (k *kept) evict(name string) {
	victim, oldest, old := "", time.Time{}, false
	for n, list := range k.gateways {
		isOld := len(list) > 1
		if !isOld && n == name || old && !isOld {
			continue
		}
		if at := list[0].at(); isOld && !old || oldest.IsZero() || at.Before(oldest) {
			victim, oldest, old = n, at, isOld
		}
	}
	if k.gateways[victim] = slices.Delete(k.gateways[victim], 0, 1); len(k.gateways[victim]) == 0 {
		delete(k.gateways, victim)
	}
}

// at returns when the translation was last called.
func (e *entry) at() time.Time { return e.metas[len(e.metas)-1].Last }

// again records that an entry was repeated.
func (k *kept) again(e *entry, g *group) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range e.metas {
		m := &e.metas[i]
		began, took, failed := g.translation.began, g.translation.took, g.translation.err
		if i < len(g.done.list) {
			s := g.done.list[i]
			began, took, failed = s.Last, s.Took.Duration, s.Error
		}
		m.Last, m.Took, m.Error = began, metav1.Duration{Duration: took}, failed
		m.Count++
	}
}

const (
	metaSize  = 256 // approximate size of a call's metadata in bytes
	knownSize = 64  // approximate size of two digests in a map in bytes
)

func (e *entry) size() int64 {
	return int64(len(e.blob) + len(e.metas)*metaSize + len(e.known)*knownSize)
}

func (k *kept) bytes() (n int64) {
	for _, list := range k.gateways {
		for _, e := range list {
			n += e.size()
		}
	}
	return n
}

func (k *kept) size() (bytes int64, calls int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, list := range k.gateways {
		for _, e := range list {
			calls += len(e.metas)
		}
	}
	return k.bytes(), calls
}
