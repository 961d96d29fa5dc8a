// Package acts has the constants that the two programs of the demo share: cmd/demo, which compiles
// in seconds and builds everything else, and cmd/story, which shows the features.
package acts

// The acts of the story.
const (
	// Recorded replays recorded calls of Envoy Gateway while the real one is built.
	Recorded = "recorded"
	// Real shows everything with the real Envoy Gateway.
	Real = "real"
)

// RecordedSteps is the number of steps in [Recorded].
const RecordedSteps = 3

// BeganVariable is the environment variable with the start time of the demo, for the story.
const BeganVariable = "EGRAFT_DEMO_BEGAN"

// Interrupted is the exit code of an interrupted demo, the same as after SIGINT.
const Interrupted = 130
