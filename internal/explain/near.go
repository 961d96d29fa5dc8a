package explain

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// maxCompared is the longest name that is compared letter by letter, and maxNames limits the number
// of names: tenants choose them.
const (
	maxCompared = 256
	maxNames    = 20_000
)

// Nearest returns the names that a mistyped one could stand for, the nearest first, at most limit of them.
func Nearest(name string, among []string, limit int) (near []string) {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, other := range among[:min(len(among), maxNames)] {
		if d, ok := distance(name, other, max(1, utf8.RuneCountInString(name)/3)); ok && other != name {
			found = append(found, candidate{other, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	found = slices.Compact(found)
	for _, c := range found[:min(limit, len(found))] {
		near = append(near, c.name)
	}
	return near
}

// distance returns how many letters must be inserted, removed, replaced or swapped with the next
// one to turn a into b, if that is at most limit.
func distance(a, b string, limit int) (int, bool) {
	if len(a) > maxCompared || len(b) > maxCompared {
		return 0, false
	}
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return 0, false
	}
	before, last, now := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		now[0] = i
		least := i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
			least = min(least, now[j])
		}
		if least > limit+1 {
			return 0, false
		}
		before, last, now = last, now, before
	}
	return last[len(y)], last[len(y)] <= limit
}
