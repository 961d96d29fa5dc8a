// Package mutator is right itself.
package mutator

import _ "github.com/egraft/egraft/pkg/xds"
