package originaldestination_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/features/originaldestination"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func feature() mutator.Feature { return originaldestination.New(true) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", feature) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", feature) }
