package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/egraft/egraft/internal/admin"
	"github.com/egraft/egraft/internal/extension"
	"github.com/egraft/egraft/internal/journal"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/server"
	"github.com/egraft/egraft/internal/telemetry"
	"github.com/egraft/egraft/internal/version"
)

// keeping is the journal of the running egraft, with the API that reads it.
type keeping struct {
	*journal.Journal // nil if there is none
	limit            int64
	settings         *settings
	reading          chan struct{} // its capacity is the number of concurrent reads
}

// newKeeping creates the journal, unless its size is 0 or no admin address serves it.
func newKeeping(s *settings, log *slog.Logger) *keeping {
	k := &keeping{settings: s, reading: make(chan struct{}, 1)}
	if limit := s.JournalSize.Value(); limit > 0 && s.AdminAddress != "" {
		k.limit = limit
		k.Journal = journal.New(journal.Config{Bytes: limit, Connection: server.Connection, Log: log})
	}
	return k
}

// keeper returns the journal, nil if there is none.
func (k *keeping) keeper() extension.Keeper {
	if k.Journal == nil {
		return nil
	}
	return k.Journal
}

// run records calls until ctx ends or the returned function is called.
func (k *keeping) run(ctx context.Context) (stop func()) {
	if k.Journal == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (k *keeping) stats() telemetry.Journal {
	if k.Journal == nil {
		return telemetry.Journal{}
	}
	return telemetry.Journal(k.Stats())
}

// Errors for missing journals and calls.
var (
	errNoJournal = &admin.Error{Status: http.StatusNotFound, Message: "egraft keeps no calls: set --journal-size"}
	errNoCall    = &admin.Error{Status: http.StatusNotFound, Message: "there is no such call, or it is not kept any longer"}
)

// metas returns the recorded calls without their content.
func (k *keeping) metas(ctx context.Context) []recording.Meta {
	if k.Journal == nil {
		return nil
	}
	return k.Calls(ctx)
}

// serve adds the journal to the API.
func (k *keeping) serve(to *admin.API) {
	to.JSON("/api/v1/version", func(*http.Request) (any, error) {
		return struct {
			APIVersion int          `json:"version"`
			Egraft     version.Info `json:"egraft"`
		}{1, version.Read()}, nil
	})
	to.JSON("/api/v1/calls", func(r *http.Request) (any, error) {
		if k.Journal == nil {
			return nil, errNoJournal
		}
		return struct {
			APIVersion int              `json:"version"`
			Dropped    uint64           `json:"dropped"`
			Calls      []recording.Meta `json:"calls"`
		}{1, k.Stats().Dropped, k.Calls(r.Context())}, nil
	})
	to.Handle("/api/v1/calls/{id}", http.HandlerFunc(k.call))
	to.Handle("/api/v1/recording", http.HandlerFunc(k.recording))
}

// call responds with a call in the format of a recording's file.
func (k *keeping) call(w http.ResponseWriter, r *http.Request) {
	k.read(w, r, "application/json", func(ctx context.Context) (func(http.ResponseWriter) error, error) {
		c, err := k.Call(ctx, r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, errNoCall
		}
		text, err := recording.Marshal(c)
		return func(w http.ResponseWriter) error { _, err := w.Write(text); return err }, err
	})
}

// recording responds with all calls, or with the last ones of each Gateway if ?latest is set.
func (k *keeping) recording(w http.ResponseWriter, r *http.Request) {
	k.read(w, r, "application/gzip", func(ctx context.Context) (func(http.ResponseWriter) error, error) {
		calls, err := k.Recorded(ctx, r.URL.Query().Has("latest"))
		rec := &recording.Recording{Header: k.header(), Calls: calls}
		return func(w http.ResponseWriter) error { return rec.WriteTarGz(w) }, err
	})
}

// maxExplained limits the calls that the serving process explains, in bytes. A request takes about
// five times as much memory while it lasts.
const maxExplained = 64 << 20

// latestBytes returns the size of the last translation of each Gateway.
func latestBytes(calls []recording.Meta) (n int) {
	last := map[string]int{}
	for _, c := range calls {
		if c.Translation == "" {
			last[c.Gateway] = c.Bytes
		}
	}
	for _, bytes := range last {
		n += bytes
	}
	return n
}

// latest returns the last translation of each Gateway, with the calls that belong to it.
func (k *keeping) latest(ctx context.Context) (*recording.Recording, error) {
	if k.Journal == nil {
		return nil, errNoJournal
	}
	if n := latestBytes(k.Calls(ctx)); n > maxExplained {
		return nil, &admin.Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf(
			"the last calls have %d MiB, but a running egraft explains at most %d MiB: save them with `egraft record`, and use `egraft explain --recording`", n>>20, maxExplained>>20)}
	}
	calls, err := k.Recorded(ctx, true)
	return &recording.Recording{Header: k.header(), Calls: calls}, err
}

// header describes this egraft.
func (k *keeping) header() recording.Header {
	return recording.Header{
		Version: recording.Version, Created: time.Now().UTC(), Egraft: version.Read().Version, Features: names(k.settings),
		Settings: k.settings.Changed(), Dropped: int(k.Stats().Dropped),
	}
}

// read limits reading to one request at a time, because calls are decompressed in memory.
func (k *keeping) read(w http.ResponseWriter, r *http.Request, contentType string, read func(context.Context) (func(http.ResponseWriter) error, error)) {
	if k.Journal == nil {
		admin.WriteError(w, errNoJournal)
		return
	}
	select {
	case k.reading <- struct{}{}:
		defer func() { <-k.reading }()
	case <-r.Context().Done():
		return
	}
	write, err := read(r.Context())
	if err != nil {
		admin.WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", contentType)
	if write(w) != nil {
		panic(http.ErrAbortHandler) // the client must not mistake a partial response for a complete one
	}
}
