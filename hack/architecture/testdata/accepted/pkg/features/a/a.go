// Package a has durations, parses addresses, and has a variable named time.
package a

import (
	"net/netip"
	clock "time"

	"github.com/egraft/egraft/pkg/policy"
)

const timeout = 2 * clock.Second

type stamp struct{ Now string }

func read(time stamp) (string, error) {
	_, err := netip.ParseAddr(time.Now)
	return policy.Name, err
}
