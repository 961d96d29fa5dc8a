// Package e2e may import anything.
package e2e

import (
	_ "k8s.io/client-go/kubernetes"

	_ "github.com/egraft/egraft/internal/server"
)
