package journal

import (
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kept is what is kept, within a limit. It is safe for concurrent use; an entry's calls never change.
type kept struct {
	limit int64

	mu       sync.Mutex
	gateways map[string][]*entry // the last one at the end
	number   int                 // of the last entry
}

// history is how many entries of a Gateway are kept at most.
const history = 10

func newKept(limit int64) kept { return kept{limit: limit, gateways: map[string][]*entry{}} }

// last is the last entry of a Gateway, nil if there is none.
func (k *kept) last(name string) *entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	if list := k.gateways[name]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// put keeps an entry. It reports whether there was room.
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
		list[len(list)-1].known = nil // is needed of the last one only
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

// name gives the calls of an entry their ids.
func (e *entry) name(number int) {
	e.number = number
	id, last := strconv.Itoa(number), len(e.metas)-1
	for i := range e.metas[:last] {
		e.metas[i].ID, e.metas[i].Translation = id+"."+strconv.Itoa(i+1), id
	}
	e.metas[last].ID = id
}

// evict removes the oldest entry that is not the last one of its Gateway, and if there is none that
// of the Gateway that was called for the longest time ago, but not of the Gateway name.
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

// at is when the translation came for the last time.
func (e *entry) at() time.Time { return e.metas[len(e.metas)-1].Last }

// again notes that an entry came once more.
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
	metaSize  = 256 // bytes of a call's metadata, about
	knownSize = 64  // bytes of two digests in a map, about
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
