// Package a is a mutator that throws dice.
package a

import _ "math/rand/v2"
