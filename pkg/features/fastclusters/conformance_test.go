package fastclusters_test

import (
	"testing"
	"time"

	"github.com/egraft/egraft/pkg/features/fastclusters"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func feature() mutator.Feature { return fastclusters.New(time.Second) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", feature) }
