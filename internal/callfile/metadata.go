package callfile

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Metadata is what is known of a call that was made, beside its content.
type Metadata struct {
	// ID names the call among those that were kept with it.
	ID string `json:"id,omitempty"`
	// Gateway is that of the translation, as namespace/name: several have commas between them. A
	// call for a single resource has that of the translation that it belongs to.
	Gateway string `json:"gateway,omitempty"`
	// Translation is the ID of the call of the Translation hook that a call for a single resource
	// belongs to.
	Translation string `json:"translation,omitempty"`
	// First and Last are when a call with this content began, for the first and the last time.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Count is how many calls had this content, one after the other.
	Count int `json:"count,omitempty"`
	// Bytes is the size of the resources and custom resources as they came.
	Bytes int `json:"bytes,omitempty"`
	// Took is how long egraft took for the last of them.
	Took metav1.Duration `json:"took,omitzero"`
	// Changed is how many resources egraft changed, added or removed.
	Changed int `json:"changed,omitempty"`
	// Error is why the call failed, empty if it did not.
	Error string `json:"error,omitempty"`
	// Redacted is how many resources had secrets that are not in the file.
	Redacted int `json:"redacted,omitempty"`
}
