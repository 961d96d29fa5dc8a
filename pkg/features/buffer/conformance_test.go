package buffer_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/features/buffer"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", feature) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", feature) }

// feature has the limit that the case about it is past.
func feature() mutator.Feature { return buffer.New(buffer.DefaultMaxBytes) }
