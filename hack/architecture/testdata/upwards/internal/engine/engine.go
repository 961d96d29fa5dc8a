// Package engine imports what calls it.
package engine

import _ "github.com/egraft/egraft/internal/extension"
