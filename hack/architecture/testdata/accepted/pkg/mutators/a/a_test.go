package a

import (
	"os"
	"time"

	_ "github.com/egraft/egraft/pkg/engine"
)

var _, _ = os.ReadFile, time.Now
