package journal

import (
	"cmp"
	"context"
	"slices"

	"github.com/egraft/egraft/internal/recording"
)

// Calls returns what is known of the calls that are kept, in the order in which they came.
func (j *Journal) Calls(ctx context.Context) []recording.Meta {
	out := []recording.Meta{}
	for _, e := range j.entries(ctx) {
		out = append(out, e.metas...)
	}
	return out
}

// Call returns a call by its id, and nil if it is not kept, or no longer.
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

// Recorded returns all calls: those that are kept, and behind them those for single resources whose
// translation has not come yet. With latest, older translations of a Gateway are not among them.
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

// entries are copies of what is kept, which do not change, in the order in which they came.
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

// open are the calls whose translation has not come.
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
