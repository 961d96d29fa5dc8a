package callfile

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Metadata is information about a recorded call besides its content.
type Metadata struct {
	// ID identifies the call among the calls recorded with it.
	ID string `json:"id,omitempty"`
	// Gateway is the Gateway of the translation, as namespace/name, several separated by commas. A
	// call for a single resource has the Gateway of the translation that it belongs to.
	Gateway string `json:"gateway,omitempty"`
	// Translation is the ID of the call of the Translation hook that a call for a single resource belongs to.
	Translation string `json:"translation,omitempty"`
	// First and Last are when the first and the last call with this content began.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Count is the number of consecutive calls with this content.
	Count int `json:"count,omitempty"`
	// Bytes is the size of the resources and custom resources as received.
	Bytes int `json:"bytes,omitempty"`
	// Took is the duration of the last of them in egraft.
	Took metav1.Duration `json:"took,omitzero"`
	// Changed is the number of resources that egraft changed, added or removed.
	Changed int `json:"changed,omitempty"`
	// Error is why the call failed, empty if it succeeded.
	Error string `json:"error,omitempty"`
	// Redacted is the number of resources with secrets that the file does not contain.
	Redacted int `json:"redacted,omitempty"`
}
