// Package a is a mutator that imports another one.
package a

import _ "github.com/egraft/egraft/pkg/features/b"
