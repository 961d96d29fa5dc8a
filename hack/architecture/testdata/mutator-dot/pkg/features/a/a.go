// Package a is a mutator that hides what it uses.
package a

import . "time"

var now = Now()
