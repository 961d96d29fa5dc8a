package hedge_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/features/hedge"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", hedge.New) }

func FuzzFilter(f *testing.F) { mutatortest.Fuzz(f, "testdata", hedge.New) }
