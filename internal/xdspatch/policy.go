package xdspatch

import (
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Policy is an XDSPatchPolicy with its patches, which are compiled once.
type Policy struct {
	v1alpha1.XDSPatchPolicy `json:",inline"`

	once     sync.Once
	compiled compiled
}

// Patches are the policy's, in its order. Errors are of its spec.
func (p *Policy) Patches() ([]*Patch, field.ErrorList) {
	p.once.Do(func() { p.compiled = compiledOf(p.Spec.Patches) })
	return p.compiled.patches, p.compiled.errs
}

// compiled are the patches of a policy, or what is wrong with them.
type compiled struct {
	patches []*Patch
	errs    field.ErrorList
}

// cacheSize bounds what compiled patches take, in bytes: those of thousands of policies.
const cacheSize = 32 << 20

// cached has what was compiled by content. A policy of routes comes with each of them in every translation, and an
// expression takes longer to compile than a resource to be patched.
// The key is the patches as JSON, of which all that is compiled is made.
var cached = sync.OnceValues(func() (*otter.Cache[string, compiled], error) {
	return otter.New(&otter.Options[string, compiled]{
		MaximumWeight: cacheSize,
		Weigher:       func(key string, _ compiled) uint32 { return compiledSize * uint32(len(key)) },
	})
})

// compiledSize is about how many times as much memory patches take when they are compiled.
const compiledSize = 128

func compiledOf(patches []v1alpha1.XDSPatch) compiled {
	raw, err := json.Marshal(patches)
	if err != nil { // cannot have come as JSON
		return compileAll(patches)
	}
	all, err := cached()
	if err != nil {
		return compileAll(patches)
	}
	if found, ok := all.GetIfPresent(string(raw)); ok {
		return found
	}
	c := compileAll(patches)
	all.Set(string(raw), c)
	return c
}

// compilations counts policies that were compiled.
var compilations atomic.Int64

// Compilations is how many times this process compiled the patches of a policy, for tests: as often as there are policies,
// and not as often as there are resources.
func Compilations() int64 { return compilations.Load() }

func compileAll(patches []v1alpha1.XDSPatch) (c compiled) {
	compilations.Add(1)
	at := field.NewPath("spec", "patches")
	for i := range patches {
		patch, errs := Compile(&patches[i], at.Index(i))
		c.patches, c.errs = append(c.patches, patch), append(c.errs, errs...)
	}
	return c
}
