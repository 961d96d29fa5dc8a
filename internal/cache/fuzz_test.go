package cache

import "testing"

// FuzzFields: keys of one type have the same encoding only if they are equal.
func FuzzFields(f *testing.F) {
	f.Add([]byte("ab"), []byte("c"), uint64(1), []byte("a"), []byte("bc"), uint64(1))
	f.Add([]byte{}, []byte{1, 'a'}, uint64(0), []byte{1}, []byte("a"), uint64(0))
	f.Fuzz(func(t *testing.T, a1, b1 []byte, n1 uint64, a2, b2 []byte, n2 uint64) {
		one, other := encodingOf(a1, b1, n1), encodingOf(a2, b2, n2)
		same := string(a1) == string(a2) && string(b1) == string(b2) && n1 == n2
		if (string(one) == string(other)) != same {
			t.Errorf("%q %q %d and %q %q %d have the encodings %q and %q", a1, b1, n1, a2, b2, n2, one, other)
		}
	})
}

// encodingOf returns the encoding of a key with fields of all types.
func encodingOf(a, b []byte, n uint64) []byte {
	f := &Fields{}
	f.String(string(a))
	f.BytesList([][]byte{b, a})
	f.Bool(n > 0)
	f.Strings([]string{string(b), string(a)})
	f.Bytes(b)
	f.Uint(n)
	return f.encode()
}
