// Package a is a mutator that runs a command.
package a

import _ "os/exec"
