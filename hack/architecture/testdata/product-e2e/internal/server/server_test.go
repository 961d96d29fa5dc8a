package server

import _ "github.com/egraft/egraft/e2e/parts"
