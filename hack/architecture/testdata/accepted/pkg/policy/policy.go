// Package policy is read by mutators.
package policy

// Name is a name.
const Name = "policy"
