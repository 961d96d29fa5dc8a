// Package a is a mutator that asks the network.
package a

import _ "net/http"
