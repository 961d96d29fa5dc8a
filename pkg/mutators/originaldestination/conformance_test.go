package originaldestination_test

import (
	"testing"

	// Messages that testdata has inside of Any.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/mutators/originaldestination"
)

func family() mutator.Family { return originaldestination.New(true) }

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", family) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", family) }
