//go:build !linux

package e2etest

import (
	"context"
	"errors"
	"testing"
)

var errNotLinux = errors.New("it needs Linux, for network namespaces")

func isolated(m *testing.M, _ *Setup) int { return without(m, errNotLinux) }

func start(context.Context, *Options) (environment, error) { return nil, errNotLinux }
