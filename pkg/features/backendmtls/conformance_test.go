package backendmtls_test

import (
	"testing"
	"time"

	"github.com/egraft/egraft/pkg/features/backendmtls"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func feature() mutator.Feature { return backendmtls.New(time.Second) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", feature) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", feature) }
