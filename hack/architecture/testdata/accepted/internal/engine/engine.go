// Package engine has the clock that mutators must not look at.
package engine

import _ "time"
