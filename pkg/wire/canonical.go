package wire

import (
	"bytes"
	"slices"
	"unsafe"
)

// Canonical is an encoded message with its maps in order, which knows where they are: to find
// out whether another one says the same, only the maps have to be read.
type Canonical struct {
	encoded []byte
	maps    []sortedMap // in the order in which they come, none within another
}

// sortedMap is a map of several entries, so that they could be in another order.
type sortedMap struct {
	from, to int   // its entries in the message
	in       *Maps // what the map is a field of
	depth    int   // that is left for what is in it
	isPlain  bool  // of few entries, no two with the same key
}

// fewEntries are found quicker one by one than by sorting them.
const fewEntries = 8

// Canonical reads what [Maps.Sort] has sorted, which must not change any more.
func (m *Maps) Canonical(sorted []byte) Canonical {
	c := Canonical{encoded: sorted}
	c.find(m, 0, len(sorted), maxDepth)
	c.maps = slices.Clip(c.maps)
	return c
}

// Is reports whether sorting the maps of an encoded message gives this one. It may miss that
// of what is no message. Maps are sorted in scratch if they fit into its capacity.
func (c *Canonical) Is(encoded, scratch []byte) bool {
	if len(encoded) != len(c.encoded) {
		return false
	}
	at := 0
	for i := range c.maps {
		m := &c.maps[i]
		// With the same bytes before it, the map is in the same place.
		if !bytes.Equal(encoded[at:m.from], c.encoded[at:m.from]) || !m.is(encoded[m.from:m.to], c.encoded[m.from:m.to], scratch) {
			return false
		}
		at = m.to
	}
	return bytes.Equal(encoded[at:], c.encoded[at:])
}

// Size is how many bytes it takes beside those of the message.
func (c *Canonical) Size() int { return len(c.maps) * int(unsafe.Sizeof(sortedMap{})) }

func (m *sortedMap) is(entries, sorted, scratch []byte) bool {
	if bytes.Equal(entries, sorted) || m.isPlain && haveSame(entries, sorted) {
		return true
	}
	own := append(scratch[:0], entries...)
	m.in.sort(own, m.depth)
	return bytes.Equal(own, sorted)
}

// haveSame reports whether some entries are the same few ones in another order.
func haveSame(entries, sorted []byte) bool {
	var seen [fewEntries]bool
	for len(entries) > 0 {
		_, _, size := consume(entries)
		if size < 0 {
			return false
		}
		i := position(sorted, entries[:size])
		if i < 0 || seen[i] {
			return false
		}
		seen[i], entries = true, entries[size:]
	}
	return true
}

// position is where among entries one is, and -1 if it is not among them.
func position(entries, one []byte) int {
	for i := 0; len(entries) > 0; i++ {
		_, _, size := consume(entries)
		if bytes.Equal(entries[:size], one) {
			return i
		}
		entries = entries[size:]
	}
	return -1
}

// arePlain tells whether sorted entries are few and have keys, no two the same.
func arePlain(sorted []byte, n int) bool {
	if n > fewEntries {
		return false
	}
	var last []byte
	for len(sorted) > 0 {
		_, value, size := consume(sorted)
		key := keyOf(value)
		if key == nil || last != nil && bytes.Compare(last, key) >= 0 {
			return false
		}
		last, sorted = key, sorted[size:]
	}
	return true
}

// find finds the maps of a message that is part of c.
func (c *Canonical) find(m *Maps, from, to, depth int) {
	if m == nil || depth == 0 {
		return
	}
	var now run
	for at := from; at < to; {
		num, value, size := consume(c.encoded[at:to])
		if size < 0 {
			return
		}
		end := at + size
		if value != nil && int(num) < len(m.fields) {
			f := &m.fields[num]
			switch {
			case f.isMap && now.isFollowedBy(at, num):
				now.to, now.entries = end, now.entries+1
			case f.isMap:
				c.add(m, now, depth)
				now = run{num, at, end, 1}
			case f.within != nil:
				c.add(m, now, depth)
				now = run{}
				c.find(f.within, end-len(value), end, depth-1)
			}
		}
		at = end
	}
	c.add(m, now, depth)
}

// add adds a map, or those in its only entry.
func (c *Canonical) add(m *Maps, r run, depth int) {
	switch r.entries {
	case 0:
	case 1:
		_, value, _ := consume(c.encoded[r.from:r.to])
		c.find(m.fields[r.of].within, r.to-len(value), r.to, depth-1)
	default:
		c.maps = append(c.maps, sortedMap{r.from, r.to, m, depth, arePlain(c.encoded[r.from:r.to], r.entries)})
	}
}
