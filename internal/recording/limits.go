package recording

import (
	"errors"
	"io"
)

// limits limit what is read: it takes memory, and a few compressed bytes can expand to many.
type limits struct {
	files int   // number of calls
	bytes int64 // of all files together
}

// defaultLimits suffice for thousands of calls, or for dozens with 10,000 clusters.
var defaultLimits = limits{files: 20_000, bytes: 4 << 30}

var (
	errFiles = errors.New("has more files than egraft reads")
	errBytes = errors.New("has more bytes than egraft reads")
)

// take reads a file and subtracts its size from the limit.
func (l *limits) take(r io.Reader) ([]byte, error) {
	if l.files--; l.files < 0 {
		return nil, errFiles
	}
	b, err := io.ReadAll(io.LimitReader(r, l.bytes+1))
	if l.bytes -= int64(len(b)); l.bytes < 0 {
		return nil, errBytes
	}
	return b, err
}
