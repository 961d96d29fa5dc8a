package frontendmtls_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/features/frontendmtls"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", frontendmtls.New) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", frontendmtls.New) }
