package frontendmtls_test

import (
	"testing"

	// Messages that testdata has inside of Any.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"

	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/mutators/frontendmtls"
)

func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", frontendmtls.New) }

func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", frontendmtls.New) }
