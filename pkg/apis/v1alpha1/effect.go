package v1alpha1

import "fmt"

// Effect is whether a policy, filter or backend takes effect. With Shadow, egraft evaluates
// it and reports in the outcome what it would do, but changes nothing: it never takes
// precedence over an enforced one, and rejects no requests.
//
// +kubebuilder:validation:Enum=Enforce;Shadow
type Effect string

const (
	// EffectEnforce makes the policy take effect. It is the default.
	EffectEnforce Effect = "Enforce"
	// EffectShadow only reports what the policy would do.
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
