package policy

import "crypto/sha256"

// Digest returns a digest that is equal for sets of the same objects only. It is bytes, not
// text.
func (s *Set) Digest() string {
	h := sha256.New()
	for _, o := range s.objects {
		_, _ = h.Write([]byte(o.Digest())) // a hash takes everything; all digests are of one length
	}
	return string(h.Sum(nil))
}
