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

// manager is egraft as the API server knows it: field manager and user agent.
const manager = "egraft"

// maxMessage is the longest note of an Event in bytes.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/events.go#L38
const maxMessage = 1024

// key is what an outcome is about, and how it is written. Of each there is one outcome,
// the latest.
type key struct {
	what            string // of the writers
	kind            schema.GroupVersionKind
	namespace, name string
	gateway         string // empty for conditions, and where a call does not say it
}

// String is "Kind namespace/name", as in the rest of the log.
func (k key) String() string { return k.kind.Kind + " " + k.namespace + "/" + k.name }

// outcome is what became of an object, without the object.
type outcome struct {
	uid        types.UID
	generation int64
	resource   string // of conditions
	reason     mutator.Reason
	message    string
	// since is when there was first something to tell, and burst when the first of the
	// outcomes came that this one is made of.
	since, burst time.Time
}

func newOutcome(o mutator.PolicyOutcome, message string) outcome {
	now := time.Now()
	return outcome{
		uid: o.Policy.UID, generation: o.Policy.Generation, resource: o.Policy.ConditionsOf,
		reason: o.Reason, message: cut(message, maxMessage), since: now, burst: now,
	}
}

// id is the same in every replica, and another one as soon as there is something else to
// tell.
func (o outcome) id(k key) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %d %q %q %q", k.kind, k, o.uid, o.generation, k.gateway, o.reason, o.message)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// cut shortens a text to a number of bytes of UTF-8, between characters.
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
