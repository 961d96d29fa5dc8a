package engine

import "github.com/egraft/egraft/pkg/mutator"

// ResultsOf returns the possible results of a feature's outcomes in a hook, so that metrics can
// start with all of them.
func ResultsOf(f *mutator.Feature, h mutator.Hook) []string {
	all := []string{
		string(Applied), string(Unchanged), string(Denied), string(Ignored), string(CallFailed),
		string(Panicked), string(TimedOut), string(Quarantined),
	}
	if h == mutator.HookTranslation && (f.Additions != nil || f.ClusterVariants != nil) {
		all = append(all, string(Added), string(NameConflict))
	}
	if h == mutator.HookTranslation && f.PrunesSecrets {
		all = append(all, string(Pruned))
	}
	return all
}
