package journal

import (
	"cmp"
	"context"
	"slices"

	"github.com/egraft/egraft/internal/recording"
)

// Calls returns the metadata of the kept calls, in the order in which they were made.
func (j *Journal) Calls(ctx context.Context) []recording.Meta {
	out := []recording.Meta{}
	for _, e := range j.entries(ctx) {
		out = append(out, e.metas...)
	}
	return out
}

// Call returns a call by its ID, or nil if it is not kept.
func (j *Journal) Call(ctx context.Context, id string) (*recording.Call, error) {
	for _, e := range j.entries(ctx) {
		if slices.ContainsFunc(e.metas, func(m recording.Meta) bool { return m.ID == id }) {
			calls, err := e.unpack()
			if err != nil {
				return nil, err
			}
			for _, c := range calls {
				if c.ID == id {
					return c, nil
				}
			}
		}
	}
	return nil, nil
}

// Recorded returns all calls: the kept ones, followed by calls for single resources whose
// translation is still missing. With latest, it omits earlier translations of a Gateway.
func (j *Journal) Recorded(ctx context.Context, latest bool) ([]*recording.Call, error) {
	var out []*recording.Call
	for _, e := range j.entries(ctx) {
		if latest && e.known == nil {
			continue
		}
		calls, err := e.unpack()
		if err != nil {
			return nil, err
		}
		out = append(out, calls...)
	}
	return append(out, j.open()...), nil
}

// entries returns copies of the kept entries, in the order of their calls.
func (j *Journal) entries(ctx context.Context) []*entry {
	j.Flush(ctx)
	j.kept.mu.Lock()
	defer j.kept.mu.Unlock()
	var out []*entry
	for _, list := range j.kept.gateways {
		for _, e := range list {
			copied := *e
			copied.metas = slices.Clone(e.metas)
			out = append(out, &copied)
		}
	}
	slices.SortFunc(out, func(a, b *entry) int { return cmp.Or(a.at().Compare(b.at()), cmp.Compare(a.number, b.number)) })
	return out
}

// open returns the calls whose translation is still missing.
func (j *Journal) open() []*recording.Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []*recording.Call
	for _, g := range j.waiting.open {
		for _, s := range g.done.list {
			out = append(out, &recording.Call{Meta: s.Meta, Call: s.call})
		}
	}
	slices.SortStableFunc(out, func(a, b *recording.Call) int { return a.Last.Compare(b.Last) })
	return out
}
