package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Encoded is the state of an object that one hook passes to a later one: its identity, and the part of
// its content that the later hook needs. It must be small, because Envoy Gateway generates thousands of
// xDS routes from one HTTPRoute, and sends all of them back.
type Encoded struct {
	// Name is namespace/name.
	Name       string     `json:"name"`
	UID        types.UID  `json:"uid,omitempty"`
	Generation int64      `json:"generation,omitempty"`
	Created    *time.Time `json:"created,omitempty"`
	// FailurePolicy is the object's own, empty if it has none.
	FailurePolicy string `json:"failurePolicy,omitempty"`
	// Shadow is as in [Object].
	Shadow bool `json:"shadow,omitempty"`
	// OwnGateways is as in [Object].
	OwnGateways bool `json:"ownGateways,omitempty"`
	// Content is the encoded spec, see [EncodeWithout]. It is empty for an object of which only the
	// identity is passed on.
	Content json.RawMessage `json:"spec,omitempty"`
}

// EncodeWithout encodes objects of a kind without the fields that strip removes from a copy. The copy
// is shallow: strip must replace pointers, and not change the values behind them. Targets, labels,
// annotations and status are never encoded.
func EncodeWithout[T any](k Kind, strip func(*T)) Kind {
	k.strip = func(content any) any {
		c := *content.(*T)
		strip(&c)
		return &c
	}
	return k
}

// encode returns the content: the spec without its targets.
func (k *Kind) encode(content any) (json.RawMessage, error) {
	if k.strip != nil {
		content = k.strip(content)
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode what another hook needs: %w", err)
	}
	var whole struct{ Spec map[string]json.RawMessage }
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, fmt.Errorf("encode what another hook needs: %w", err)
	}
	for _, name := range []string{"targetRef", "targetRefs", "targetSelectors", "failurePolicy", "effect"} {
		delete(whole.Spec, name)
	}
	return json.Marshal(whole.Spec)
}

// Identity returns the object without content, for an overridden policy that is only reported.
func (o *Object) Identity() Encoded {
	c := Encoded{Name: o.Namespace + "/" + o.Name, UID: o.UID, Generation: o.Generation, FailurePolicy: o.FailurePolicy, Shadow: o.Shadow, OwnGateways: o.OwnGateways}
	if !o.Created.IsZero() {
		c.Created = &o.Created
	}
	return c
}

// Encode returns the object with its content, or the error of an invalid object.
func (o *Object) Encode() (Encoded, error) {
	if o.typed == nil || o.Err != nil {
		return Encoded{}, fmt.Errorf("%s: %w", o, o.Err)
	}
	content, err := o.kind.encode(o.typed)
	c := o.Identity()
	c.Content = content
	return c, err
}

// Decode returns the encoded object. It does not validate the object again, because only egraft
// encodes objects, and only valid ones. Without content, [As] of the object and its Err are nil.
func (k Kind) Decode(c Encoded) (*Object, error) {
	namespace, name, ok := strings.Cut(c.Name, "/")
	if !ok {
		return nil, fmt.Errorf("encoded object %q: not namespace/name", c.Name)
	}
	o := &Object{
		GroupVersionKind: k.GroupVersionKind, Namespace: namespace, Name: name, UID: c.UID, Generation: c.Generation,
		FailurePolicy: c.FailurePolicy, Shadow: c.Shadow, OwnGateways: c.OwnGateways, ConditionsOf: k.resource, kind: &k,
	}
	if c.Created != nil {
		o.Created = *c.Created
	}
	whole, err := json.Marshal(map[string]any{"name": c.Name, "spec": c.Content})
	if err != nil {
		return nil, fmt.Errorf("encoded object %q: %w", c.Name, err)
	}
	if len(c.Content) > 0 {
		if o.typed, err = k.decodeSpec(whole); err != nil {
			return nil, fmt.Errorf("encoded object %q: %w", c.Name, err)
		}
	}
	o.raw = string(whole)
	o.digest = digestOf(o)
	return o, nil
}
