// Package xds looks at the clock where every mutator sees it.
package xds

import "time"

// Age is different at any time.
func Age(t time.Time) time.Duration { return time.Since(t) }
