package staticdelay_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/mutator/mutatortest"

	"github.com/egraft/egraft/examples/route-filter/staticdelay"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", staticdelay.New) }

func FuzzFilter(f *testing.F) { mutatortest.Fuzz(f, "testdata", staticdelay.New) }
