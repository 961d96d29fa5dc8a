package config

// Choice is whether to do something that is not possible everywhere.
type Choice string

// The choices. They are not on and off, which YAML takes for truth values.
const (
	// Auto does it where it is possible.
	Auto Choice = "auto"
	// Always fails where it is not possible.
	Always Choice = "always"
	// Never does not do it.
	Never Choice = "never"
)

// Choices lists the choices, the default first.
func Choices() []Choice { return []Choice{Auto, Always, Never} }
