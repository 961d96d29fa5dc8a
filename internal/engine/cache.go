package engine

import (
	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// WithCache sets the maximum size of the engine's cache in bytes; 0 disables the cache.
func WithCache(bytes int64) Option {
	return func(e *Engine) (err error) {
		e.cache, err = cache.New(bytes)
		return err
	}
}

// CacheStats returns the statistics of the engine's cache; all zero without one. Hits and misses
// count resources that a mutator applies to and whose results can be cached.
func (e *Engine) CacheStats() cache.Stats { return e.cache.Stats() }

// tables are the tables of the cache, one for each kind of entry. Without a cache all are nil.
type tables struct {
	resources  *cache.Table[resourceKey, cachedResult]
	calls      *cache.Table[callKey, *cachedCall]
	inputs     *cache.Table[inputKey, *callState]
	objects    *cache.Table[objectKey, *policy.Object]
	copies     *cache.Table[copyKey, copyResult]
	hosts      *cache.Table[hostKey, *host] // by their relevant content
	wholeHosts *cache.Table[wholeHostKey, wholeHost]
	hostSlots  *cache.Table[hostSlotsKey, []cache.Slot] // in wholeHosts
	released   *cache.Table[releasedKey, []byte]
}

func newTables(c *cache.Cache) tables {
	return tables{
		resources:  cache.NewTable[resourceKey, cachedResult](c),
		calls:      cache.NewTable[callKey, *cachedCall](c),
		inputs:     cache.NewTable[inputKey, *callState](c),
		objects:    cache.NewTable[objectKey, *policy.Object](c),
		copies:     cache.NewTable[copyKey, copyResult](c),
		hosts:      cache.NewTable[hostKey, *host](c),
		wholeHosts: cache.NewTable[wholeHostKey, wholeHost](c),
		hostSlots:  cache.NewTable[hostSlotsKey, []cache.Slot](c),
		released:   cache.NewTable[releasedKey, []byte](c),
	}
}

// resourceKey is what the result of a resource depends on.
type resourceKey struct {
	hook    mutator.Hook
	kind    mutator.Kind
	plans   []byte // see [planKey]
	content []byte // with sorted maps
}

func (k resourceKey) AddTo(f *cache.Fields) {
	f.String(string(k.hook))
	f.String(string(k.kind))
	f.Bytes(k.plans)
	f.Bytes(k.content)
}

// cachedResult is the result of a resource and its content.
type cachedResult struct {
	content wire.Canonical
	result  *chainResult
}

// callKey is what the result of a call with a single resource depends on.
type callKey struct {
	input   uint64 // ID of its entry, which has the hook and the kind of the resource in its key
	content []byte // of the resource, with sorted maps
}

func (k callKey) AddTo(f *cache.Fields) {
	f.Uint(k.input)
	f.Bytes(k.content)
}

// inputKey is what a [mutator.Input] depends on.
type inputKey struct {
	call    *Call
	configs []config
	shadow  bool // whether custom resources with the effect Shadow are enforced
	// rejected has the custom resources that features reject, see [rejectedKey].
	rejected []string
}

func (k inputKey) AddTo(f *cache.Fields) {
	f.String(string(k.call.Hook))
	f.Bool(k.shadow)
	kinds := kindsOf(k.call)
	f.Uint(uint64(len(kinds)))
	for _, kind := range kinds {
		f.String(string(kind))
	}
	f.Strings(k.call.Hostnames)
	f.Uint(uint64(len(k.configs)))
	for _, c := range k.configs {
		f.String(c.name)
		f.Uint(uint64(len(c.hosts)))
		for _, id := range c.ids() {
			f.Uint(id)
		}
	}
	f.BytesList(k.call.Objects)
	f.Strings(k.rejected)
}

// objectKey is a custom resource as JSON.
type objectKey struct{ raw []byte }

func (k objectKey) AddTo(f *cache.Fields) { f.Bytes(k.raw) }

// copyKey is what a copy of a cluster depends on.
type copyKey struct {
	name    string
	plans   []byte // see [copied.planKey]
	cluster []byte
}

func (k copyKey) AddTo(f *cache.Fields) {
	f.String(k.name)
	f.Bytes(k.plans)
	f.Bytes(k.cluster)
}

// hostKey is the relevant content of a virtual host.
type hostKey struct {
	withMetadata bool
	content      []byte
}

func (k hostKey) AddTo(f *cache.Fields) {
	f.Bool(k.withMetadata)
	f.Bytes(k.content)
}

// wholeHostKey is a virtual host with sorted maps.
type wholeHostKey struct{ content []byte }

func (k wholeHostKey) AddTo(f *cache.Fields) { f.Bytes(k.content) }

// wholeHost is a virtual host and its content.
type wholeHost struct {
	content wire.Canonical
	host    *host
}

// hostSlotsKey is a route configuration, by name.
type hostSlotsKey struct {
	state state
	name  string
}

func (k hostSlotsKey) AddTo(f *cache.Fields) {
	f.String(string(k.state))
	f.String(k.name)
}

// releasedKey identifies a virtual host without route metadata and with renamed clusters.
type releasedKey struct {
	host    uint64   // ID of its entry
	renames []string // see [renaming.of]
}

func (k releasedKey) AddTo(f *cache.Fields) {
	f.Uint(k.host)
	f.Strings(k.renames)
}
