package a

import (
	"os"
	"time"

	_ "github.com/egraft/egraft/internal/engine"
)

var _, _ = os.ReadFile, time.Now
