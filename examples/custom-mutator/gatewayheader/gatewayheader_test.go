package gatewayheader_test

import (
	"testing"

	"github.com/egraft/egraft/pkg/mutator/mutatortest"

	"github.com/egraft/egraft/examples/custom-mutator/gatewayheader"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", gatewayheader.New) }
