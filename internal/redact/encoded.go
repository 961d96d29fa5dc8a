package redact

import (
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/envoyapi"
)

// Encoded returns an encoded message without secrets, and whether it had any. The message m says of
// which type it is, and is overwritten. A message without secrets and with its maps in order, as most
// are, is returned as it came, without being decoded.
//
// The same content, as encoders in Go write it, is the same bytes, with the maps in order, also of what
// is in an Any. What cannot be decoded, and so cannot be searched for secrets, becomes an empty message.
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
