package filterpolicy_test

import (
	"testing"
	"time"

	"github.com/egraft/egraft/pkg/features/filterpolicy"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func newFeature() mutator.Feature { return filterpolicy.New(time.Second) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", newFeature) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", newFeature) }
