package finding

// Codes of the third stage: what became of a policy in egraft.
var (
	Programmed = Code{
		ID: "EGR300", Name: "Programmed", Means: "The policy is in effect on each target on which it has precedence.",
		See: "egraft explain KIND/NAMESPACE/NAME --diff",
	}
)

var applied = []Code{Programmed}
