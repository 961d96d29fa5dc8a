package engine

import (
	"fmt"

	"github.com/egraft/egraft/pkg/mutator"
)

// MaxRouteGrowth is the maximum number of bytes by which all mutators together may grow a route in
// the Route hook. Each addition occurs up to 2,048 times for an HTTPRoute, once for each of 16 host
// names and 128 matches, times the number of listeners, and is sent again in the translation: at
// most 8 MiB for each listener, whatever policies there are.
const MaxRouteGrowth = 4 << 10

// fault returns the error of an edit that Envoy would reject although the message is valid, or
// after which other resources would no longer find it.
func (c *chain[T]) fault(l *link[T], original, before, now []byte) error {
	if was, is := c.name(before), c.name(now); was != is && !l.renames {
		return fmt.Errorf("renamed the %s from %q to %q, but nothing refers to the new name", c.kind, was, is)
	}
	if err := foreignEntry(c.keys[l.feature], metadataFields(c.kind), before, now); err != nil {
		return err
	}
	if err := foreignRouteEntry(c.keys[l.feature], routesAt(c.kind), before, now); err != nil {
		return err
	}
	switch c.kind {
	case mutator.KindRoute:
		if grown := len(now) - len(original); grown > MaxRouteGrowth && c.hook == mutator.HookRoute {
			return fmt.Errorf("would make the route grow by %d bytes, more than the %d that policies may add to a route", grown, MaxRouteGrowth)
		}
	case mutator.KindVirtualHost:
		return addedDomain(before, now)
	case mutator.KindRouteConfiguration:
		return domainTwice(domainsIn(before), domainsIn(now))
	case mutator.KindListener:
		return listenerFault(before, now)
	}
	return nil
}

// addedDomain returns the fault of an edit that adds a domain to a virtual host: the other virtual
// hosts of the route configuration are not known, and one of them may have the domain.
func addedDomain(before, now []byte) error {
	was := map[string]bool{}
	for _, d := range domains(before) {
		was[lower(d)] = true
	}
	for _, d := range domains(now) {
		if !was[lower(d)] {
			return fmt.Errorf("added the domain %q, which another virtual host may have", d)
		}
	}
	return domainTwice([][][]byte{domains(before)}, [][][]byte{domains(now)})
}

// domainTwice returns the fault of an edit that makes a domain occur twice.
func domainTwice(before, now [][][]byte) error {
	found := twice(now)
	if len(found) == 0 {
		return nil
	}
	was := map[string]bool{}
	for _, d := range twice(before) {
		was[d] = true
	}
	for _, d := range found {
		if !was[d] {
			return fmt.Errorf("the result is invalid: the domain %q occurs twice, which Envoy rejects", d)
		}
	}
	return nil
}

func listenerFault(before, now []byte) error {
	was := inlined(before)
	for i, rc := range inlined(now) {
		var old [][][]byte
		if i < len(was) {
			old = domainsIn(was[i])
		}
		if err := domainTwice(old, domainsIn(rc)); err != nil {
			return err
		}
	}
	if sameMatches(before, now) {
		return nil
	}
	one, other := overlapping(now)
	if one == nil {
		return nil
	}
	if already, _ := overlapping(before); already != nil {
		return nil // it was so before
	}
	return fmt.Errorf("the result is invalid: the filter chains %q and %q match the same connections, which Envoy rejects", one.GetName(), other.GetName())
}

// reference is the name of another resource of the translation, in a reference that an edit added.
type reference struct {
	owner string // of the mutator's code
	kind  mutator.Kind
	name  string
}

// err returns the error if the resource does not exist.
func (r reference) err() error {
	if r.kind == mutator.KindCluster {
		return fmt.Errorf("refers to the cluster %q, which is not in the translation", r.name)
	}
	return fmt.Errorf("refers to the route configuration %q, which is not in the translation", r.name)
}

// references returns the references that an edit added. They can be looked up in a translation
// only.
func (c *chain[T]) references(owner string, before, now []byte) (out []reference) {
	if c.hook != mutator.HookTranslation {
		return nil
	}
	add := func(kind mutator.Kind, names []string) {
		for _, n := range names {
			out = append(out, reference{owner, kind, n})
		}
	}
	switch c.kind {
	case mutator.KindRouteConfiguration:
		add(mutator.KindCluster, without(clustersIn(before), clustersIn(now)))
	case mutator.KindListener:
		add(mutator.KindRouteConfiguration, without(askedFor(before), askedFor(now)))
		add(mutator.KindCluster, without(clustersOfAll(inlined(before)), clustersOfAll(inlined(now))))
	}
	return out
}

func clustersOfAll(configurations [][]byte) (names [][]byte) {
	for _, rc := range configurations {
		names = append(names, clustersIn(rc)...)
	}
	return names
}
