// Package a is a mutator that calls somebody.
package a

import _ "google.golang.org/grpc"
