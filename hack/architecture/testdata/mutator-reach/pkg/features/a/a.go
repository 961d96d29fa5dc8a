// Package a is a mutator that is right itself.
package a

import _ "github.com/egraft/egraft/pkg/mutator"
