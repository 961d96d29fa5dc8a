package v1alpha1

import "fmt"

// Effect says whether a policy, filter or backend takes effect. With Shadow egraft works out what it
// would do, and tells so in its outcome, but changes nothing: it never takes precedence over one
// that is enforced, and rejects no requests.
//
// +kubebuilder:validation:Enum=Enforce;Shadow
type Effect string

const (
	// EffectEnforce has the policy take effect. It is the default.
	EffectEnforce Effect = "Enforce"
	// EffectShadow has egraft only tell what the policy would do.
	EffectShadow Effect = "Shadow"
)

// UnmarshalText rejects other values. A misspelled Shadow would otherwise be enforced.
func (e *Effect) UnmarshalText(text []byte) error {
	switch v := Effect(text); v {
	case "", EffectEnforce, EffectShadow:
		*e = v
		return nil
	default:
		return fmt.Errorf("effect %q must be Enforce or Shadow", text)
	}
}
