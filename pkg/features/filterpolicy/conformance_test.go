package filterpolicy_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/features/filterpolicy"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", filterpolicy.New) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", filterpolicy.New) }
