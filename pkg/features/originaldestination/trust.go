package originaldestination

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Two filters surround the filters that are trusted to set a header. The first one removes the
// header, whoever set it, and records that in metadata; the second one stores the header's value,
// so that later changes have no effect. Each acts for the route at that time and is inert for
// routes without a backend. The route may change before the destination is taken, so a destination
// is taken only if both entries belong to the request's final route.
const (
	distrustName = prefix + "distrust/" // followed by the ID of the trusted filters
	believeName  = prefix + "believe/"  // followed by the same ID
)

// believedNamespace is the metadata namespace of headers that a trusted filter set.
const believedNamespace = "egraft.believed"

// taken precedes the stored header. It records that the header was removed before the trusted
// filter.
const taken = "1="

// idOf identifies the trusted filters in the names of the filters around them. All IDs are short,
// so that a route does not contain a long name many times.
func idOf(filter string) string { return digest(filter) }

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// keys are the metadata keys for one backend on the routes of one owner.
type keys struct{ note, header string }

func keysOf(b *v1alpha1.OriginalDestinationBackend, owner string) keys {
	h := b.Spec.Source.Header
	d := digest(b.Namespace, b.Name, h.Name, h.Filter, owner)
	return keys{note: d + "n", header: d + "h"}
}

// read formats both values for header mutations. A missing value becomes -.
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
