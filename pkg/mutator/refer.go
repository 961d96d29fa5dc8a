package mutator

import (
	"context"
	"strings"

	"github.com/egraft/egraft/pkg/policy"
)

// refersPrefix begins the keys of [Refer] in [Counts].
const refersPrefix = "\x00refers\x00"

// Refer records that a custom resource makes the target of an edit refer to a resource of the
// translation, such as a route to a cluster, and in which field of the custom resource. If there is
// no resource with the name, the custom resource is rejected as in [Feature.Rejects]; without
// Refer, the edit fails as a whole. Call it like [Count]. It does nothing for features without
// Rejects.
func Refer(ctx context.Context, o *policy.Object, field string, kind Kind, name string) {
	Count(ctx, refersPrefix+strings.Join([]string{string(kind), name, o.ID().String(), field}, "\x00"), 1)
}

// Referrer returns the arguments of [Refer], the text of the custom resource's ID and the field, if
// a key of [Counts] belongs to a reference to the resource.
func Referrer(key string, kind Kind, name string) (id, field string, ok bool) {
	rest, ok := strings.CutPrefix(key, refersPrefix+string(kind)+"\x00"+name+"\x00")
	id, field, _ = strings.Cut(rest, "\x00")
	return id, field, ok
}
