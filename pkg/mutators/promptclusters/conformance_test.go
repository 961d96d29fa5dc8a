package promptclusters_test

import (
	"testing"
	"time"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/mutators/promptclusters"
)

func family() mutator.Family { return promptclusters.New(time.Second) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", family) }
