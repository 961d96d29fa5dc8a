package xdspatchpolicy_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/features/xdspatchpolicy"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", xdspatchpolicy.New) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", xdspatchpolicy.New) }
