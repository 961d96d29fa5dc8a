package attemptcount_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/features/attemptcount"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", attemptcount.New) }
