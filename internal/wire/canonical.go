package wire

import (
	"bytes"
	"math"
	"slices"
	"unsafe"
)

// Canonical is an encoded message with sorted maps and their positions. To compare another message
// with it, only the maps have to be parsed.
type Canonical struct {
	encoded []byte
	maps    []sortedMap // in the order of their positions; nested maps are not listed
}

// sortedMap is a map with several entries, which could be in another order.
type sortedMap struct {
	from, to uint32 // position of the entries; gRPC keeps messages below 4 GiB
	in       *Maps  // the message type that has the map field
	depth    uint8  // remaining depth for the entries
	few      uint8  // number of entries if there are few and their keys are unique
	ends     [fewEntries]uint16
}

// fewEntries is the number of entries up to which comparing one by one is faster than sorting.
const fewEntries = 8

// Canonical parses the output of [Maps.Sort], which must not change afterwards.
func (m *Maps) Canonical(sorted []byte) Canonical {
	c := Canonical{encoded: sorted}
	c.find(m, 0, len(sorted), maxDepth)
	c.maps = slices.Clip(c.maps)
	return c
}

// Is reports whether sorting the maps of an encoded message gives this one. It may return false for
// bytes that are not a valid message. It sorts maps in scratch if they fit into its capacity.
func (c *Canonical) Is(encoded, scratch []byte) bool {
	if len(encoded) != len(c.encoded) {
		return false
	}
	at := 0
	for i := range c.maps {
		m := &c.maps[i]
		// After equal bytes, the map is at the same position.
		if !bytes.Equal(encoded[at:m.from], c.encoded[at:m.from]) || !m.is(encoded[m.from:m.to], c.encoded[m.from:m.to], scratch) {
			return false
		}
		at = int(m.to)
	}
	return bytes.Equal(encoded[at:], c.encoded[at:])
}

// Size returns the number of bytes that c takes in addition to the message.
func (c *Canonical) Size() int { return len(c.maps) * int(unsafe.Sizeof(sortedMap{})) }

func (m *sortedMap) is(entries, sorted, scratch []byte) bool {
	if m.few > 0 && m.haveSame(entries, sorted) || bytes.Equal(entries, sorted) {
		return true
	}
	own := append(scratch[:0], entries...)
	m.in.sort(own, int(m.depth))
	return bytes.Equal(own, sorted)
}

// haveSame reports whether entries are the same few entries in any order.
func (m *sortedMap) haveSame(entries, sorted []byte) bool {
	var seen [fewEntries]bool
	at := 0
	for end := range fieldsOf(entries) {
		i := m.position(sorted, entries[at:end])
		if i < 0 || seen[i] {
			return false
		}
		seen[i], at = true, end
	}
	return at == len(entries)
}

// position returns the index of an entry among the sorted entries, or -1.
func (m *sortedMap) position(sorted, one []byte) int {
	from := 0
	for i, end := range m.ends[:m.few] {
		if bytes.Equal(sorted[from:end], one) {
			return i
		}
		from = int(end)
	}
	return -1
}

// newSortedMap returns the map whose entries are the run in b.
func newSortedMap(in *Maps, b []byte, r run, depth int) sortedMap {
	m := sortedMap{from: uint32(r.from), to: uint32(r.to), in: in, depth: uint8(depth)}
	if r.entries > fewEntries || r.to-r.from > math.MaxUint16 {
		return m
	}
	var last []byte
	for end, f := range fieldsOf(b[r.from:r.to]) {
		key := keyOf(f.Value)
		if key == nil || last != nil && bytes.Compare(last, key) >= 0 {
			return sortedMap{from: m.from, to: m.to, in: in, depth: m.depth}
		}
		m.ends[m.few], last = uint16(end), key
		m.few++
	}
	return m
}

// find finds the maps of a message that is part of c.
func (c *Canonical) find(m *Maps, from, to, depth int) {
	if m == nil || depth == 0 {
		return
	}
	var now run
	at := from
	for end, of := range fieldsOf(c.encoded[from:to]) {
		end += from
		if of.Value != nil && int(of.Number) < len(m.fields) {
			f := &m.fields[of.Number]
			switch {
			case f.isMap && now.isFollowedBy(at, of.Number):
				now.to, now.entries = end, now.entries+1
			case f.isMap:
				c.add(m, now, depth)
				now = run{of.Number, at, end, 1}
			case f.within != nil:
				c.add(m, now, depth)
				now = run{}
				c.find(f.within, end-len(of.Value), end, depth-1)
			}
		}
		at = end
	}
	if at < to {
		return
	}
	c.add(m, now, depth)
}

// add adds a map with several entries, or the maps within its only entry.
func (c *Canonical) add(m *Maps, r run, depth int) {
	switch r.entries {
	case 0:
	case 1:
		entry, _ := consume(c.encoded[r.from:r.to])
		c.find(m.fields[r.of].within, r.to-len(entry.Value), r.to, depth-1)
	default:
		c.maps = append(c.maps, newSortedMap(m, c.encoded, r, depth))
	}
}
