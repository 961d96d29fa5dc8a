package backendmtls_test

import (
	"testing"
	"time"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/mutators/backendmtls"
)

func family() mutator.Family { return backendmtls.New(time.Second) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", family) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", family) }
