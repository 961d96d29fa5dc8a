package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/egraft/egraft/pkg/mutator"
)

// manager is egraft's field manager and user agent at the API server.
const manager = "egraft"

// maxMessage is the maximum length of an Event's note in bytes.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/events.go#L38
const maxMessage = 1024

// key identifies an object and a way to write its outcome. Only the latest outcome of a key is
// kept.
type key struct {
	what            string // one of the writers
	kind            schema.GroupVersionKind
	namespace, name string
	gateway         string // empty for conditions, and for calls that do not name a Gateway
}

// String returns "Kind namespace/name", as elsewhere in the log.
func (k key) String() string { return k.kind.Kind + " " + k.namespace + "/" + k.name }

// outcome is a policy outcome without the object.
type outcome struct {
	uid        types.UID
	generation int64
	resource   string // for conditions
	reason     mutator.Reason
	message    string
	// since is the time of the first outcome that is not written yet, and burst the time of the
	// first outcome that was merged into this one.
	since, burst time.Time
}

func newOutcome(o mutator.PolicyOutcome, message string) outcome {
	now := time.Now()
	return outcome{
		uid: o.Policy.UID, generation: o.Policy.Generation, resource: o.Policy.ConditionsOf,
		reason: o.Reason, message: cut(message, maxMessage), since: now, burst: now,
	}
}

// id returns an ID that is the same in every replica and changes with the content.
func (o outcome) id(k key) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %d %q %q %q", k.kind, k, o.uid, o.generation, k.gateway, o.reason, o.message)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// cut shortens a text to at most limit bytes of UTF-8, without splitting a character.
func cut(s string, limit int) string {
	const more = "…"
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	end := limit - len(more)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + more
}
