package mutator

import (
	"context"
	"strings"

	"github.com/egraft/egraft/pkg/policy"
)

// refersPrefix begins the keys of [Refer] among those of [Count].
const refersPrefix = "\x00refers\x00"

// Refer says that it is a custom resource by which the target of an edit refers to a resource of the translation, such as
// a route to a cluster, and in which of its fields. If there is no resource of that name, the custom resource is rejected
// as those of [Feature.Rejects] are; without it, the edit fails as a whole. It is called as [Count] is, and does nothing for
// features without Rejects.
func Refer(ctx context.Context, o *policy.Object, field string, kind Kind, name string) {
	Count(ctx, refersPrefix+strings.Join([]string{string(kind), name, o.ID().String(), field}, "\x00"), 1)
}

// Referrer returns the custom resource that [Refer] was called with, by the text of its ID, and the field, if a key of
// [Counts] is that of a reference to a resource.
func Referrer(key string, kind Kind, name string) (id, field string, ok bool) {
	rest, ok := strings.CutPrefix(key, refersPrefix+string(kind)+"\x00"+name+"\x00")
	id, field, _ = strings.Cut(rest, "\x00")
	return id, field, ok
}
