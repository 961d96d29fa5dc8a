package promptclusters_test

import (
	"testing"
	"time"

	"github.com/egraft/egraft/pkg/features/promptclusters"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func feature() mutator.Feature { return promptclusters.New(time.Second) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", feature) }
