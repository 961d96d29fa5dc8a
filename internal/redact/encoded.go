package redact

import (
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/envoyapi"
)

// Encoded returns an encoded message without secrets, and whether it had any. The message m defines
// the type, and is overwritten. A message without secrets and with sorted maps, as most are, is
// returned unmodified without being decoded.
//
// The same content, as encoded by Go, results in the same bytes, with sorted maps, also inside an
// Any. A message that cannot be decoded, and so cannot be searched for secrets, becomes empty.
func Encoded(m proto.Message, raw []byte) (out []byte, redacted bool) {
	if isClean(shapeOf(m.ProtoReflect().Descriptor()), raw, 0) {
		return raw, false
	}
	if (proto.UnmarshalOptions{Resolver: envoyapi.Types{}}).Unmarshal(raw, m) != nil {
		return nil, true
	}
	redacted = walk(m.ProtoReflect(), 0)
	out, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
	if err != nil {
		return nil, true
	}
	return out, redacted
}
