package pagetest

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/internal/recording"
)

// recorded provides a recording.
type recorded struct{ *recording.Recording }

func (r recorded) of(context.Context) (*recording.Recording, error) { return r.Recording, nil }

// history returns a call that changed resources, one that changed none, and one that failed.
func (w Invented) history(context.Context) []recording.Meta {
	if !w.called {
		return nil
	}
	failed := "default/eg"
	if w.hostile {
		failed = w.Name
	}
	at := time.Now().Add(-time.Minute)
	took := metav1.Duration{Duration: 3 * time.Millisecond}
	return []recording.Meta{
		{ID: "c1", Gateway: "default/eg", First: at, Last: at, Count: 1, Took: took, Changed: 3},
		{ID: "c0", Gateway: "default/eg", First: at.Add(-time.Hour), Last: at.Add(-time.Hour), Count: 4, Took: took},
		{ID: "c2", Gateway: failed, First: at.Add(-2 * time.Hour), Last: at.Add(-2 * time.Hour), Count: 1, Took: took, Error: "broken: " + w.Name},
	}
}
