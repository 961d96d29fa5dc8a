package attemptcount_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/mutators/attemptcount"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", attemptcount.New) }
