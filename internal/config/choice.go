package config

// Choice is whether to use something that is not available everywhere.
type Choice string

// The choices. They are not on and off, which YAML reads as booleans.
const (
	// Auto uses it where it is available.
	Auto Choice = "auto"
	// Always fails where it is not available.
	Always Choice = "always"
	// Never does not use it.
	Never Choice = "never"
)

// Choices lists the choices, the default first.
func Choices() []Choice { return []Choice{Auto, Always, Never} }
