package wire

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxDepth is the maximum depth of nested messages whose maps are sorted: the default limit of
// decoders in C++, such as Envoy's.
// https://protobuf.dev/reference/cpp/api-docs/google.protobuf.io.coded_stream/
const maxDepth = 100

// Maps holds where maps are in a message type and in nested messages. The content of an Any is
// bytes and has no maps.
type Maps struct {
	fields []mapsField // by number
}

// mapsField reports whether a field is a map, and where it contains maps; nil if it contains none.
type mapsField struct {
	isMap  bool
	within *Maps
}

// MapsOf reads the descriptors of m and of all nested messages. Call it once per type, not in each
// hook call.
func MapsOf(m proto.Message) *Maps {
	all := map[protoreflect.FullName]*Maps{}
	maps := mapsOf(m.ProtoReflect().Descriptor(), all)
	leads := map[*Maps]bool{} // those that contain a map
	for before := -1; before < len(leads); {
		before = len(leads)
		for _, m := range all {
			if slices.ContainsFunc(m.fields, func(f mapsField) bool { return f.isMap || leads[f.within] }) {
				leads[m] = true
			}
		}
	}
	for _, m := range all {
		for i, f := range m.fields {
			if !leads[f.within] {
				m.fields[i].within = nil
			}
		}
	}
	return maps
}

func mapsOf(d protoreflect.MessageDescriptor, all map[protoreflect.FullName]*Maps) *Maps {
	if m := all[d.FullName()]; m != nil {
		return m
	}
	m := &Maps{}
	all[d.FullName()] = m
	fields := d.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Kind() != protoreflect.MessageKind {
			continue
		}
		if n := int(f.Number()) + 1; n > len(m.fields) {
			m.fields = append(m.fields, make([]mapsField, n-len(m.fields))...)
		}
		m.fields[f.Number()] = mapsField{f.IsMap(), mapsOf(f.Message(), all)}
	}
	return m
}

// Sort sorts the entries of each map in an encoded message by key, in place. Encoders such as Go's
// write them in random order. The meaning of the message stays the same, and what an encoder would
// not write stays unmodified.
func (m *Maps) Sort(encoded []byte) { m.sort(encoded, maxDepth) }

func (m *Maps) sort(b []byte, depth int) {
	if m == nil || depth == 0 {
		return
	}
	var now run
	at := 0
	for end, of := range fieldsOf(b) {
		if of.Value != nil && int(of.Number) < len(m.fields) {
			f := &m.fields[of.Number]
			f.within.sort(of.Value, depth-1)
			if f.isMap {
				now = now.with(b, at, end, of.Number)
			}
		}
		at = end
	}
	if at < len(b) {
		return
	}
	now.sort(b)
}

// run is a sequence of adjacent entries of one map.
type run struct {
	of       protowire.Number
	from, to int
	entries  int
}

// with returns the run with one more entry, or a new run if the entry is in another map or not
// adjacent.
func (r run) with(b []byte, from, to int, of protowire.Number) run {
	if r.isFollowedBy(from, of) {
		return run{of, r.from, to, r.entries + 1}
	}
	r.sort(b)
	return run{of, from, to, 1}
}

func (r run) isFollowedBy(at int, of protowire.Number) bool { return of == r.of && at == r.to }

func (r run) sort(b []byte) {
	if r.entries > 1 {
		sortEntries(b[r.from:r.to])
	}
}

// entry is an entry of a map, with its key, which is nil if the entry is not as encoders write it.
type entry struct{ key, encoded []byte }

// keyOf returns the key of an entry, which must be a string followed by the value.
func keyOf(entry []byte) (key []byte) {
	n := 0
	for end, f := range fieldsOf(entry) {
		switch n++; {
		case n == 1 && f.Number == 1:
			key = f.Value
		case n == 2 && f.Number == 2 && end == len(entry):
			return key
		default:
			return nil
		}
	}
	return nil
}

// sortEntries sorts the entries in b. Entries with the same key keep their order, since the last
// one counts.
func sortEntries(b []byte) {
	var few [fewEntries]entry // avoids an allocation for most maps
	var short [512]byte
	entries, sorted := few[:0], short[:0]
	at := 0
	for end, f := range fieldsOf(b) {
		e := entry{keyOf(f.Value), b[at:end]}
		if e.key == nil {
			return
		}
		entries = append(entries, e)
		at = end
	}
	byKey := func(x, y entry) int { return bytes.Compare(x.key, y.key) }
	if slices.IsSortedFunc(entries, byKey) {
		return
	}
	slices.SortStableFunc(entries, byKey)
	for _, e := range entries {
		sorted = append(sorted, e.encoded...)
	}
	copy(b, sorted)
}
