package policy

import "crypto/sha256"

// Digest returns a digest that is equal only for sets of the same objects. It is binary, not text.
func (s *Set) Digest() string {
	h := sha256.New()
	for _, o := range s.objects {
		_, _ = h.Write([]byte(o.Digest())) // a hash never fails; all digests have the same length
	}
	return string(h.Sum(nil))
}
