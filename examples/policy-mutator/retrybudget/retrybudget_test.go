package retrybudget_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/mutator/mutatortest"

	"github.com/egraft/egraft/examples/policy-mutator/retrybudget"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", retrybudget.New) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", retrybudget.New) }
