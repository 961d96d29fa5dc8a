package xdspatch

import (
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Policy is an XDSPatchPolicy with its patches, which are compiled only once.
type Policy struct {
	v1alpha1.XDSPatchPolicy `json:",inline"`

	once     sync.Once
	compiled compiled
}

// Patches returns the policy's patches in order. Errors are about its spec.
func (p *Policy) Patches() ([]*Patch, field.ErrorList) {
	p.once.Do(func() { p.compiled = compiledOf(p.Spec.Patches) })
	return p.compiled.patches, p.compiled.errs
}

// compiled is the result of compiling the patches of a policy.
type compiled struct {
	patches []*Patch
	errs    field.ErrorList
}

// cacheSize limits the memory of compiled patches, in bytes: those of thousands of policies.
const cacheSize = 32 << 20

// cached caches compiled patches by content: the JSON of the patches, which determines the result.
// A policy that targets routes comes with each of them in every translation, and compiling an
// expression takes longer than patching a resource.
var cached = sync.OnceValues(func() (*otter.Cache[string, compiled], error) {
	return otter.New(&otter.Options[string, compiled]{
		MaximumWeight: cacheSize,
		Weigher:       func(key string, _ compiled) uint32 { return compiledSize * uint32(len(key)) },
	})
})

// compiledSize is the approximate ratio of the memory of compiled patches to the size of their JSON.
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

// compilations counts compilations of a policy.
var compilations atomic.Int64

// Compilations returns how many times this process compiled the patches of a policy. Tests compare
// it with the number of policies: it must not grow with the number of resources.
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
