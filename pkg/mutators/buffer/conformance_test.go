package buffer_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/mutators/buffer"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", family) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", family) }

// family has the limit that the case about it is past.
func family() mutator.Family { return buffer.New(buffer.DefaultMaxBytes) }
