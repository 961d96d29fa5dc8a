package originaldestination

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Two filters are around those that are trusted to set a header. The first one removes the
// header, whoever made it, and notes that it did; the second one keeps what the header is then,
// whatever others make of it later. Each does so for the route of that moment, which may be
// another one when the destination is taken, and is inert for routes without a backend: a
// destination is taken only if both notes are those of the route that the request ends up with.
const (
	distrustName = prefix + "distrust/" // and what stands for the filters that are trusted
	believeName  = prefix + "believe/"  // and the same
)

// believedNamespace is where headers are kept that a trusted filter set.
const believedNamespace = "egraft.believed"

// taken is the note that the header was removed before the trusted filter, which goes in front
// of what is kept.
const taken = "1="

// idOf stands for the filters that are trusted, in the names of those around them: as short
// for all, so that a route does not carry a long name many times.
func idOf(filter string) string { return digest(filter) }

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// keys are where the notes of one backend on the routes of one owner are.
type keys struct{ note, header string }

func keysOf(b *v1alpha1.OriginalDestinationBackend, owner string) keys {
	h := b.Spec.Source.Header
	d := digest(b.Namespace, b.Name, h.Name, h.Filter, owner)
	return keys{note: d + "n", header: d + "h"}
}

// read is the note and the header in the format of header mutations. What is not there is -.
func (k keys) read() string {
	return metadata(believedNamespace, k.note) + metadata(believedNamespace, k.header)
}

func (k keys) perRoute(h *v1alpha1.DestinationHeader) map[string]proto.Message {
	none, note := constant(believedNamespace, k.header, nothing), constant(believedNamespace, k.note, taken)
	return map[string]proto.Message{
		distrustName + idOf(h.Filter): &headertometadatav3.Config{RequestRules: []*headertometadatav3.Config_Rule{
			{Header: h.Name, OnHeaderPresent: none, OnHeaderMissing: none},
			{Header: h.Name, OnHeaderPresent: note, OnHeaderMissing: note, Remove: true},
		}},
		believeName + idOf(h.Filter): &headertometadatav3.Config{RequestRules: []*headertometadatav3.Config_Rule{
			{Header: h.Name, OnHeaderPresent: constant(believedNamespace, k.header, "")},
		}},
	}
}
