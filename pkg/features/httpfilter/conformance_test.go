package httpfilter_test

import (
	"testing"
	"time"

	"github.com/egraft/egraft/pkg/features/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func newFeature() mutator.Feature { return httpfilter.New(time.Second) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", newFeature) }

func FuzzFilter(f *testing.F) { mutatortest.Fuzz(f, "testdata", newFeature) }
