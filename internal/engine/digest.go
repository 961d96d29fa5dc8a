package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
)

// inputDigest returns a digest of everything that a mutator may read for a resource: the resource,
// the custom resources and host names of the call, and for a cluster the routes to it. If a mutator
// reads more of the routes, a change there does not end a quarantine early.
func inputDigest(in *mutator.Input, s sandbox.Key, raw []byte) (sum sandbox.Digest) {
	h := sha256.New()
	writeParts(h, string(in.Hook), string(raw), in.Objects.Digest())
	writeParts(h, in.Hostnames...)
	if s.Kind == string(mutator.KindCluster) && in.Routes != nil {
		if r := in.Routes().ForCluster(s.Name); r != nil {
			fmt.Fprint(h, r.Listeners(), r.MetadataEntries())
		}
	}
	h.Sum(sum[:0])
	return sum
}

// writeParts writes texts preceded by their lengths, so that adjacent texts cannot be confused.
func writeParts(h hash.Hash, parts ...string) {
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(p))) // a hash never fails
		_, _ = h.Write([]byte(p))
	}
}
