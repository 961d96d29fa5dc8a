// Package acts has what the two programs of the demo have to agree on: cmd/demo, which is
// compiled in seconds and builds all the rest, and cmd/story, which tells what there is to see.
package acts

// The acts of the story.
const (
	// Recorded plays recorded calls of Envoy Gateway, while the real one is built.
	Recorded = "recorded"
	// Real is everything, with the real Envoy Gateway.
	Real = "real"
)

// RecordedSteps is how many steps [Recorded] has.
const RecordedSteps = 3

// BeganVariable tells the story when the demo began.
const BeganVariable = "EGRAFT_DEMO_BEGAN"

// Interrupted is the exit code of a demo that was told to stop, as of a program that SIGINT
// ended.
const Interrupted = 130
