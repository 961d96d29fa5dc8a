package originaldestination_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/mutators/originaldestination"
)

func family() mutator.Family { return originaldestination.New(true) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", family) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", family) }
