package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// fetchTimeout is the timeout for a whole recording. One of 10,000 clusters takes a second or two.
const fetchTimeout = 2 * time.Minute

// ErrNoAnswer means that no egraft responded.
var ErrNoAnswer = errors.New("no egraft responds")

// Fetch fetches the recording of a running egraft from its admin address. With latest, it contains
// only the last translation of each Gateway.
func Fetch(ctx context.Context, transport http.RoundTripper, address string, latest bool) (*Recording, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	path := "/api/v1/recording"
	if latest {
		path += "?latest"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirected") }}
	answer, err := client.Do(req)
	if err != nil {
		if outer := (*url.Error)(nil); errors.As(err, &outer) { // it repeats the address
			err = outer.Err
		}
		return nil, fmt.Errorf("%w at %s: %w", ErrNoAnswer, address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get the recording of the egraft at %s: %s", address, reason(answer))
	}
	r, err := Read(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("get the recording of the egraft at %s: %w", address, err)
	}
	return r, nil
}

// reason returns the error in a response that is not a recording.
func reason(answer *http.Response) string {
	var body struct{ Error string }
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err == nil && json.Unmarshal(text, &body) == nil && body.Error != "" {
		return body.Error
	}
	return answer.Status
}
