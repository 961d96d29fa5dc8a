package explain_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/admin"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
)

func serve(t *testing.T, recording func(context.Context) (*recording.Recording, error)) string {
	t.Helper()
	api := admin.New()
	api.JSON(explain.Path, explain.NewServer(explainer(t), recording).Answer)
	s := httptest.NewServer(api)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	return u.Host
}

// TestAsk: a running egraft responds with the same report as the command makes by itself.
func TestAsk(t *testing.T) {
	r := recorded(t, fmt.Sprintf(translation, mtls("p", ref("Gateway", "eg", ""))))
	at := serve(t, func(context.Context) (*recording.Recording, error) { return r, nil })
	want, err := explainer(t).Explain(t.Context(), r, explain.Query{Diff: true, Seen: true, Wanted: true, Subject: explain.Subject{Kind: "Gateway"}})
	require.NoError(t, err)
	have, err := explain.Ask(t.Context(), &http.Transport{}, at, explain.Request{Subject: "gateway", Diff: true, Seen: true, Wanted: true})
	require.NoError(t, err)
	require.Equal(t, want, have)

	_, err = explain.Ask(t.Context(), &http.Transport{}, at, explain.Request{Subject: "gatewy"})
	require.ErrorAs(t, err, new(*explain.QueryError))
	require.ErrorContains(t, err, "did you mean gateway?")
	_, err = explain.Ask(t.Context(), &http.Transport{}, "127.0.0.1:1", explain.Request{})
	require.ErrorIs(t, err, explain.ErrNoAnswer)
}

// TestWanted: the resources that Envoy should have are those that egraft returned, without secrets.
func TestWanted(t *testing.T) {
	r := recorded(t, fmt.Sprintf(translation, mtls("p", ref("Gateway", "eg", ""))))
	report, err := explainer(t).Explain(t.Context(), r, explain.Query{Wanted: true})
	require.NoError(t, err)
	wanted := report.Policies[0].Wanted
	require.Len(t, wanted, 3)
	for i, name := range []string{"egraft/backend-mtls/", "c", "default/eg/http"} {
		require.True(t, strings.HasPrefix(wanted[i].Name, name), wanted[i].Name)
		require.Equal(t, []string{"default/eg"}, wanted[i].Gateways)
	}
	c := &clusterv3.Cluster{}
	require.NoError(t, proto.Unmarshal(wanted[0].Encoded, c))
	require.Equal(t, "envoy.transport_sockets.tls", c.GetTransportSocket().GetName())
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"other program", "<html>", 404, "query egraft at %s: /api/v1/explain is missing: this is another program, or an older egraft"},
		{"other error", "<html>", 503, "query egraft at %s: service unavailable"},
		{"error", `{"error": "no"}`, 500, "query egraft at %s: no"},
		{"not JSON", "<html>", 200, "query egraft at %s: read the response: invalid character '<' looking for beginning of value"},
		{"version", `{"version": 2}`, 200, "query egraft at %s: the response has version 2, but this egraft reads 1: use egraft of the same release"},
		{"stages", `{"version": 1, "policies": [{}]}`, 200, "query egraft at %s: the response has a policy without its four stages"},
		{"null", `{"version": 1, "policies": [null]}`, 200, "query egraft at %s: the response has a policy without its four stages"},
		{"stage", `{"version": 1, "policies": [{"stages": [{"stage": 1}, {"stage": 2, "state": "failed"}, {"stage": 3}, {"stage": 4}]}]}`, 200, "query egraft at %s: the response has a policy with an invalid stage"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			}))
			defer s.Close()
			at := strings.TrimPrefix(s.URL, "http://")
			_, err := explain.Ask(t.Context(), &http.Transport{}, at, explain.Request{})
			require.EqualError(t, err, fmt.Sprintf(test.want, at))
		})
	}
}

// TestOneAtATime: a request waits for the previous one, up to a timeout.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := explain.NewServer(explainer(t), func(context.Context) (*recording.Recording, error) {
			<-release
			return nil, errors.New("nothing")
		})
		ask := func() error {
			_, err := s.Answer(httptest.NewRequest(http.MethodGet, explain.Path, nil).WithContext(t.Context()))
			return err
		}
		first := make(chan error)
		go func() { first <- ask() }()
		synctest.Wait()
		err := ask()
		rejected := (*admin.Error)(nil)
		require.ErrorAs(t, err, &rejected)
		require.Equal(t, http.StatusTooManyRequests, rejected.Status)
		close(release)
		require.EqualError(t, <-first, "nothing")
		require.EqualError(t, ask(), "nothing")
	})
}
