package buffer_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/features/buffer"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", feature) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", feature) }

// feature has the limit that one of the cases exceeds.
func feature() mutator.Feature { return buffer.New(buffer.DefaultMaxBytes) }
