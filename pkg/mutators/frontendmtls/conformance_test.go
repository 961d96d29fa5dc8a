package frontendmtls_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/mutators/frontendmtls"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", frontendmtls.New) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", frontendmtls.New) }
