package cli

import (
	"github.com/egraft/egraft/internal/extension"
	"github.com/egraft/egraft/pkg/mutator"
)

// hooks names the hooks by their gRPC methods. Envoy Gateway calls the method of the
// Translation hook PostTranslateModify.
func hooks() map[string]string {
	out := map[string]string{}
	for _, h := range mutator.Hooks() {
		method := string(h)
		if h == mutator.HookTranslation {
			method = "Translate"
		}
		out["/"+extension.ServiceName+"/Post"+method+"Modify"] = string(h)
	}
	return out
}
